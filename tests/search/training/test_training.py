"""Training: repeatable, untouched by being looked at, ended by patience, and stopped by nonsense."""

import gc

import numpy as np
import pytest

from search.data.trial_data import TrialData
from search.training.trainer import rungs
from spaces.configuration import Config
from spaces.errors import TrialError
from spaces.study import Asha, Study
from spaces.study import Training as Rules
from tests.helpers import toys

pytestmark = pytest.mark.usefixtures("keras")

CONFIG = Config(
    trunk="mlp",
    width=0.2,
    head="softmax",
    loss="cce",
    learning_rate=0.01,
    optimizer="adam",
    batch_size=16,
    class_weight="balanced",
    hidden_layers="8",
    dropout=0.3,
    label_smoothing=0.05,
)


@pytest.fixture(scope="module")
def data() -> TrialData:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 6)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + 0.3 * rng.normal(size=300) > 0.4).astype(np.int8)
    return TrialData(x[:200], y[:200], x[200:], y[200:])


def train(data, stops, config=CONFIG, rules=None, *, alone=False):
    """The session, and its best epoch as the last of the looks at it told."""
    from search.training.training import Training

    rules, networks = rules or Rules(epochs=6), None if alone else toys.networks()
    session = Training(config, rules, "average_precision", data, seed=7, networks=networks)
    for epochs in stops:
        session.advance(epochs)
        best = session.best()
    return session, best


def test_the_same_seed_gives_the_same_scores_again(data):
    _, first = train(data, (6,))
    _, again = train(data, (6,))
    np.testing.assert_array_equal(first.raw, again.raw)
    assert first.history == again.history


def test_a_look_at_a_rung_changes_nothing_that_follows(data):
    _, at_once = train(data, (6,))
    _, by_rungs = train(data, (1, 3, 6))
    np.testing.assert_array_equal(at_once.raw, by_rungs.raw)
    assert at_once.history == by_rungs.history


def test_the_scores_are_those_of_the_best_epoch(data):
    from search.scores.metrics import average_precision
    from search.training.feeding import predict

    session, best = train(data, (6,))
    values = [value for _, value, _ in best.history]
    assert best.best_epoch == int(np.argmax(values)) + 1
    assert best.steering_value == max(values)
    assert average_precision(data.y_validation, best.raw) == best.steering_value
    session.model.set_weights(best.weights)
    logits = predict(session.model, data.x_validation)
    np.testing.assert_array_equal(logits[:, 1] - logits[:, 0], best.raw)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_the_cosine_takes_the_rate_to_0_over_all_epochs(data, optimizer):
    chosen = CONFIG.model_copy(update={"optimizer": optimizer, "momentum": 0.9, "weight_decay": 1e-4})
    rules = Rules(epochs=6, schedule="cosine", patience=6)
    session, best = train(data, (2, 3, 6), chosen, rules)
    steps = 6 * len(session._batches)
    at = np.arange(6) * len(session._batches)  # as each epoch begins, however often it was looked at
    expected = chosen.learning_rate * (1 + np.cos(np.pi * at / steps)) / 2
    np.testing.assert_allclose([rate for _, _, rate in best.history], expected, rtol=1e-5, atol=1e-9)


def test_patience_ends_the_training_and_the_plateau_lowers_the_rate(data):
    rules = Rules(epochs=50, patience=3, plateau_patience=1, plateau_factor=0.5)
    frozen = CONFIG.model_copy(update={"learning_rate": 1e-8})  # nothing moves, so nothing gets better
    session, best = train(data, (50,), frozen, rules)
    assert session.finished
    assert best.epochs == best.best_epoch + 3
    rates = [rate for _, _, rate in best.history[best.best_epoch :]]
    np.testing.assert_allclose(rates, 1e-8 * 0.5 ** np.arange(3), rtol=1e-5)


def test_a_loss_that_is_no_number_ends_the_trial_with_advice(data):
    wild = CONFIG.model_copy(
        update={"head": "margin", "loss": "squared_hinge", "optimizer": "sgd", "learning_rate": 10.0,
                "momentum": 0.9, "label_smoothing": None}
    )  # fmt: skip
    with pytest.raises(TrialError, match=r"(became (nan|inf)|overflowed) .*try a lower learning rate"):
        train(data, (6,), wild)


def test_balanced_weights_give_both_classes_the_same_total():
    from search.training.row_weights import row_weights

    y = np.array([1, 0, 0, 0, 0, 1, 0, 0], np.int8)
    weights = row_weights(y, "balanced")
    assert weights[y == 1].sum() == pytest.approx(weights[y == 0].sum())
    assert weights.mean() == pytest.approx(1)
    np.testing.assert_array_equal(row_weights(y, "none"), np.ones(8, np.float32))


def test_every_row_is_drawn_once_an_epoch_in_an_order_of_its_own(data):
    from search.training.training import Batches

    numbered = TrialData(
        np.arange(200, dtype=np.float32)[:, None], data.y_train, data.x_validation, data.y_validation
    )
    batches = Batches(numbered, CONFIG, seed=1)
    epochs = []
    for _ in range(2):
        drawn = np.concatenate([batches[i][0][:, 0] for i in range(len(batches))])
        assert sorted(drawn) == list(range(200))
        epochs.append(drawn)
        batches.shuffle(epoch=1)
    assert not np.array_equal(*epochs)


@pytest.mark.parametrize(
    ("asha", "epochs", "expected"),
    [
        (Asha(grace=3, reduction=3), 30, (3, 9, 27, 30)),
        (Asha(grace=3, reduction=3), 9, (3, 9)),
        (Asha(grace=10), 4, (4,)),
        (Asha(enabled=False), 12, (12,)),
    ],
)
def test_rungs(asha, epochs, expected):
    assert rungs(Study(asha=asha, training=Rules(epochs=epochs))) == expected


def test_nothing_stays_of_a_trial_that_is_over(data):
    from tensorflow.python.framework import func_graph, ops

    def graphs() -> int:
        gc.collect()
        return sum(type(one) is func_graph.FuncGraph for one in gc.get_objects())

    def custom_gradients() -> int:
        return sum(name.startswith("CustomGradient-") for name in ops.gradient_registry._registry)

    train(data, (1,), alone=True)
    before, kept = graphs(), custom_gradients()
    for _ in range(2):
        train(data, (1,), alone=True)
    assert graphs() <= before
    assert custom_gradients() <= kept
