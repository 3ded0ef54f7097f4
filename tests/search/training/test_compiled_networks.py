"""Trials that share a compiled network are the trials they would be alone."""

import numpy as np
import pytest

from spaces.errors import TrialError
from spaces.study import Training as Rules
from tests.helpers.toys import config, trial_data

pytestmark = pytest.mark.usefixtures("keras")
DATA = trial_data()
EPOCHS = 3
BROKEN = r"try a lower learning rate|must be finite|must tell rows apart"
# Neighbours differ in all that may differ within one compiled network.
TRIALS = [
    config("sigmoid", "bce", label_smoothing=0.0),
    config("margin", "hinge", learning_rate=0.03, dropout=0.4, batch_size=32, class_weight="balanced"),
    config("sigmoid", "focal", focal_gamma=3.0, focal_alpha=0.6, dropout=0.2),
    config("sigmoid", "bce", label_smoothing=0.1, learning_rate=0.003),
    config("softmax", "cce", label_smoothing=0.0),
    config("two_sigmoids", "brier", dropout=0.3),
    config("softmax", "focal", focal_gamma=0.5, focal_alpha=0.3),
    config("sigmoid", "bce", optimizer="adamw", weight_decay=0.1),
    config("margin", "squared_hinge", optimizer="adamw", weight_decay=1e-4, dropout=0.5),
    config("sigmoid", "brier", optimizer="sgd", momentum=0.9, learning_rate=0.1),
    config("sigmoid", "bce", optimizer="sgd", momentum=0.0, learning_rate=0.1),
    config("sigmoid", "bce", optimizer="sgd", momentum=0.5, hidden_layers="64", dropout=0.3),
]


def trial(chosen, seed, networks=None, data=DATA, **rules):
    from search.training.training import Training

    return Training(chosen, Rules(epochs=EPOCHS, **rules), "roc_auc", data, seed, networks=networks)


def trained(*arguments, **options):
    """The best epoch of a trial, and its loss, value and rate in each epoch."""
    session = trial(*arguments, **options)
    session.advance(1)
    session.advance(EPOCHS)
    return session.best()


def same(one, other):
    """Whether two trials are the same to the last bit."""
    return (
        np.array_equal(one.raw, other.raw)
        and one.history == other.history
        and all(np.array_equal(*pair) for pair in zip(one.weights, other.weights, strict=True))
    )


@pytest.mark.parametrize(
    ("trials", "rules"),
    [
        pytest.param(TRIALS[:7], {}, id="adam"),
        pytest.param(TRIALS[6:], {}, id="other optimizers", marks=pytest.mark.slow),
        pytest.param(TRIALS[:2], {"plateau_patience": 1}, id="plateau"),
        pytest.param(TRIALS[:4], {"schedule": "cosine"}, id="cosine"),
        pytest.param(TRIALS[6:], {"schedule": "cosine"}, id="other cosines", marks=pytest.mark.slow),
    ],
)
def test_a_trial_on_a_shared_network_is_the_trial_it_is_alone(trials, rules):
    from search.training.compiled_networks import CompiledNetworks

    networks = CompiledNetworks()
    for seed, chosen in enumerate(trials):
        assert same(trained(chosen, seed, networks, **rules), trained(chosen, seed, **rules)), chosen


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_nothing_is_compiled_twice(monkeypatch, schedule):
    from search.networks.losses import shared_loss
    from search.training.compiled_networks import CompiledNetworks

    compiled = []

    def spy(logits, task):
        compute = shared_loss(logits, task)

        def counted(targets, scores):
            compiled.append(logits)
            return compute(targets, scores)

        return counted

    monkeypatch.setattr("search.training.compiled_networks.shared_loss", spy)
    networks = CompiledNetworks()
    trained(TRIALS[0], 0, networks, schedule=schedule)
    first = len(compiled)
    assert first >= 2  # training and proof
    for seed, chosen in enumerate([TRIALS[2], TRIALS[3]]):
        trained(chosen, seed, networks, schedule=schedule)
    assert len(compiled) == first
    trained(TRIALS[4], 0, networks, schedule=schedule)
    assert len(compiled) > first


@pytest.mark.parametrize("steps", [1, 7, 99, 2251])
def test_the_cosine_is_that_of_keras(steps):
    import keras

    from search.networks.model import Cosine

    ours, theirs = Cosine(), keras.optimizers.schedules.CosineDecay(5e-3, steps)
    ours.begin(5e-3, steps)
    for step in {0, 1, steps // 3, steps - 1, steps, steps + 5}:
        np.testing.assert_allclose(float(ours(step)), float(theirs(step)), rtol=1e-6, atol=1e-9)


def test_a_failed_trial_leaves_nothing_behind():
    from search.training.compiled_networks import CompiledNetworks

    networks, chosen = CompiledNetworks(), TRIALS[0]
    expected = trained(chosen, 7)
    for rate in (1e20, 1e30):
        with pytest.raises(TrialError, match=BROKEN):
            trained(config("sigmoid", "bce", learning_rate=rate, optimizer="sgd", momentum=0.9), 0, networks)
        with pytest.raises(TrialError, match=BROKEN):
            trained(config("sigmoid", "bce", learning_rate=rate), 0, networks)
        assert same(trained(chosen, 7, networks), expected)


def test_two_trials_at_once_do_not_share_a_network():
    from search.training.compiled_networks import CompiledNetworks

    networks = CompiledNetworks()
    first = trial(TRIALS[0], 0, networks)
    first.advance(1)
    second = trial(TRIALS[1], 1, networks)
    with pytest.raises(RuntimeError, match="a trial must end before another one begins"):
        first.advance(2)
    second.advance(EPOCHS)
    with pytest.raises(RuntimeError, match="a trial must end before another one begins"):
        first.best()


def test_a_worker_keeps_so_many_networks(monkeypatch):
    from search.training import compiled_networks

    monkeypatch.setattr(compiled_networks, "MOST", 2)
    networks = compiled_networks.CompiledNetworks()
    for units in range(1, 5):
        trial(config("sigmoid", "bce", hidden_layers=str(units)), 0, networks)
    assert [structure.hidden_layers for structure in networks._held] == ["3", "4"]


def test_a_trunk_of_the_users_own_is_not_shared():
    from search.training.compiled_networks import CompiledNetworks

    networks = CompiledNetworks()
    chosen = config("sigmoid", "bce").model_copy(update={"trunk": "tests.helpers.networks:small"})
    assert same(trained(chosen, 3, networks), trained(chosen, 3, networks))
    assert not networks._held


def test_the_optimizers_are_those_of_keras(keras):
    """On the same gradients they take the same steps, whatever they were adjusted to before."""
    from search.networks import model

    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(4, 5)).astype(np.float32)
    theirs = {
        "adam": keras.optimizers.Adam(0.01),
        "adamw": keras.optimizers.AdamW(0.01, weight_decay=0.2),
        "sgd": keras.optimizers.SGD(0.01, momentum=0.7),
    }
    for name, reference in theirs.items():
        asked = config("sigmoid", "bce", optimizer=name, weight_decay=0.2, momentum=0.7)
        ours = model.optimizer(config("sigmoid", "bce", optimizer=name, weight_decay=0.5, momentum=0.1))
        model.adjust(ours, asked)
        moved = []
        for optimizer in (ours, reference):
            variable = keras.Variable(np.linspace(-1, 1, 5, dtype=np.float32))
            optimizer.build([variable])
            for gradient in gradients:
                optimizer.apply([keras.ops.convert_to_tensor(gradient)])
            moved.append(keras.ops.convert_to_numpy(variable))
        np.testing.assert_array_equal(*moved, err_msg=name)


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(keras, rate):
    from search.networks.model import Dropout

    layer = Dropout()
    layer.rate.assign(rate)
    x = np.ones((400, 500), np.float32)
    dropped = keras.ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(np.unique(dropped), [0, 1 / (1 - rate)][rate == 0 :], rtol=1e-6)
    # Five deviations of a share of 200,000 draws.
    assert abs(np.mean(dropped == 0) - rate) <= 5 * np.sqrt(rate * (1 - rate) / x.size)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x)), x)
    assert not np.array_equal(keras.ops.convert_to_numpy(layer(x, training=True)), dropped) or rate == 0
