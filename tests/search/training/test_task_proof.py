"""The proof of the decode for K classes, K labels and a number: sound trials pass, planted faults fail."""

import dataclasses
import functools

import numpy as np
import pytest

from spaces.errors import TrialError
from spaces.study import Training as Rules
from spaces.tasks import Task
from tests.helpers.tasks import (
    CLASSES,
    LABELS,
    NUMBER,
    TASK_HEAD_NAMES,
    TASK_HEADS,
    TASK_PAIR_NAMES,
    TASK_PAIRS,
    task_config,
    task_data,
)

pytestmark = pytest.mark.usefixtures("keras")
each_pair = pytest.mark.parametrize(
    ("made", "loss"),
    # Of each head one is fast.
    [
        pytest.param(made, loss, marks=() if loss == made.losses[0] else pytest.mark.slow)
        for made, loss in TASK_PAIRS
    ],
    ids=TASK_PAIR_NAMES,
)
each_head = pytest.mark.parametrize(
    "made",
    # Of each task one is fast.
    [
        pytest.param(made, marks=() if made.name in ("softmax", "sigmoids", "linear") else pytest.mark.slow)
        for made in TASK_HEADS
    ],
    ids=TASK_HEAD_NAMES,
)
NOT_DECODED = "the decode does not speak of the model that was trained"
NOT_LINEAR = "the network must end in plain linear logits"
SQUASHED_BY = {"softmax": "softmax", "one_vs_rest": "sigmoid", "sigmoids": "sigmoid"}


def trained(made, loss, epochs=2, eager=True, networks=None, **changes):
    """A session; what takes few steps and is proven once is sooner done than traced."""
    from search.training.training import Training

    steer = made.task.kind.steering[0]
    chosen = task_config(made, loss, **({"batch_size": 80} if eager else {}), **changes)
    session = Training(chosen, Rules(epochs=epochs), steer, task_data(made.task), seed=0, networks=networks)
    session.model.run_eagerly = eager
    session.advance(epochs)
    return session


@functools.cache
def sound(made, loss):
    session = trained(made, loss, eager=False, dropout=0.2)
    return session, session.model.get_weights()


@pytest.fixture
def session_of():
    def session_of(made, loss=None):
        session, weights = sound(made, loss or made.losses[0])
        session.model.set_weights(weights)
        return session

    return session_of


def prove(session, made, loss, raw):
    from search.training import proof

    data, chosen = task_data(made.task), dict(made.loss(loss).parameters)
    x, y = data.x_validation, data.y_validation
    return proof.prove(session.model, session.loss_columns, made, loss, chosen, x, y, raw)


def scores(session, made):
    from search.training.feeding import predict

    return made.score(predict(session.model, task_data(made.task).x_validation))


@pytest.fixture
def plant_head(monkeypatch):
    """Replaces parts of a head, as a mistake in its definition would."""
    from spaces import configuration

    def plant(made, **parts):
        faulty = dataclasses.replace(made, **parts)
        monkeypatch.setattr(configuration, "head_of", lambda name, task: faulty)

    return plant


@each_pair
def test_a_sound_trial_passes_and_learns(session_of, made, loss):
    session = session_of(made, loss)
    best = session.best()
    y = task_data(made.task).y_validation
    assert 0 <= best.proof <= 1e-4
    assert best.raw.shape == ((len(y),) if made.logits == 1 else (len(y), made.logits))
    assert best.raw.dtype == np.float32
    assert np.isfinite(best.steering_value)


@each_pair
def test_so_does_one_that_is_very_sure_of_itself(session_of, made, loss):
    session = session_of(made, loss)
    layer = session.model.get_layer("logits")
    kernel, bias = layer.get_weights()
    for factor in (10, 1000):
        layer.set_weights([kernel * factor, bias * factor])
        assert prove(session, made, loss, scores(session, made)) <= 1e-4


def test_a_number_comes_back_in_its_own_units(session_of):
    made = TASK_HEADS[-1]
    best = trained(made, "mse", epochs=12, eager=False).best()
    y = task_data(NUMBER).y_validation
    assert np.abs(best.raw - y).mean() < NUMBER.scale
    assert best.steering_value == pytest.approx(-np.sqrt(np.mean((best.raw.astype(float) - y) ** 2)))


# The six planted faults.


def of_several(made):
    return made.logits > 1


@each_head
def test_fault_1_columns_permuted(plant_head, made):
    """The columns moved by one; with a single column, its sign."""
    decode = made.decode
    if of_several(made):
        order = [*range(1, made.logits), 0]
        plant_head(made, decode=lambda z: decode(z)[:, order])
    else:
        plant_head(made, decode=lambda z: -decode(z))
    with pytest.raises(TrialError, match=NOT_DECODED):
        trained(made, made.losses[0], epochs=1).best()


@each_head
def test_fault_2_labels_encoded_wrongly(plant_head, made):
    encode = made.encode
    wrong = {
        "classes": lambda y: encode((y + 1) % made.logits),
        "labels": lambda y: encode(1 - y),
        "number": lambda y: 1.5 * encode(y),
    }
    plant_head(made, encode=wrong[made.task.name])
    with pytest.raises(TrialError, match=NOT_DECODED):
        trained(made, made.losses[0], epochs=1).best()


@each_head
def test_fault_3_activation_applied_twice(monkeypatch, keras, made):
    from search.networks import model

    build = model.build

    def with_activation(*arguments, **options):
        network = build(*arguments, **options)
        layer = network.get_layer(model.LOGITS)
        layer.activation = keras.activations.get(SQUASHED_BY.get(made.name, "tanh"))
        return type(network)(network.input, layer(network.layers[-2].output))

    monkeypatch.setattr(model, "build", with_activation)
    with pytest.raises(TrialError, match=NOT_LINEAR):
        trained(made, made.losses[0]).best()


@pytest.mark.parametrize("made", [m for m in TASK_HEADS if m.name in SQUASHED_BY], ids=lambda m: m.name)
@pytest.mark.parametrize("wrong", ["logits taken for probabilities", "probabilities taken for logits"])
def test_fault_4_from_logits_wrong(monkeypatch, keras, made, wrong):
    from search.training import compiled_networks

    entropies = {"bce": keras.losses.BinaryCrossentropy, "cce": keras.losses.CategoricalCrossentropy}
    entropy, loss = entropies[made.losses[0]], made.losses[0]
    squash = getattr(keras.ops, SQUASHED_BY[made.name])
    compute = entropy(from_logits=wrong == "probabilities taken for logits", reduction=None)

    def planted(targets, z):
        each = compute(targets[:, : made.logits], 1.0 * squash(z) if "taken for logits" in wrong else z)
        return each[:, None] if made.task == LABELS else each

    monkeypatch.setattr(compiled_networks, "shared_loss", lambda logits, task: planted)
    with pytest.raises(TrialError, match=f"{NOT_DECODED}|the training loss became nan"):
        trained(made, loss).best()


@each_head
def test_fault_5_probability_used_as_logit(plant_head, keras, made):
    """Of a number, the output is squashed before it is given its unit."""
    decode = made.decode
    squash = getattr(keras.ops, SQUASHED_BY.get(made.name, "tanh"))
    faulty = (lambda z: decode(squash(z))) if made.task == NUMBER else (lambda z: squash(decode(z)))
    plant_head(made, decode=lambda z: keras.ops.convert_to_numpy(faulty(z)))
    with pytest.raises(TrialError, match=NOT_DECODED):
        trained(made, made.losses[0], epochs=1).best()


@each_head
def test_fault_6_stale_weights(session_of, made):
    session = session_of(made)
    stale = scores(session, made)
    for weight in session.model.trainable_weights:
        weight.assign(weight * 1.05)
    with pytest.raises(TrialError, match=f"{NOT_DECODED}|{NOT_LINEAR}"):
        prove(session, made, made.losses[0], stale)


def test_another_loss_over_the_same_columns_fails(monkeypatch, keras):
    """One-hot columns under binary cross-entropy, and labels under categorical: other models are trained."""
    from search.training import compiled_networks

    for made, entropy in (
        (TASK_HEADS[0], keras.losses.BinaryCrossentropy),
        (TASK_HEADS[3], keras.losses.CategoricalCrossentropy),
    ):
        compute = entropy(from_logits=True, reduction=None)

        def planted(targets, z, made=made, compute=compute):
            each = compute(targets[:, : made.logits], z)
            return each[:, None] if made.task == LABELS else each

        monkeypatch.setattr(compiled_networks, "shared_loss", lambda logits, task, planted=planted: planted)
        with pytest.raises(TrialError, match=NOT_DECODED):
            trained(made, made.losses[0]).best()


def test_constant_scores_fail_and_are_listed(session_of):
    session = session_of(TASK_HEADS[0])
    layer = session.model.get_layer("logits")
    layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    with pytest.raises(TrialError, match=r"all 96 are 0, 0, 0: nothing is learnt yet"):
        prove(session, TASK_HEADS[0], "cce", scores(session, TASK_HEADS[0]))


@pytest.mark.parametrize(
    ("task", "weights"), [(CLASSES, "balanced"), (LABELS, "balanced"), (LABELS, "pos_weight")]
)
def test_weights_give_each_class_and_each_side_of_a_label_its_share(task, weights):
    from search.training.row_weights import row_weights

    y = task_data(task).y_train
    found = row_weights(y, weights, task)
    assert found.shape == y.shape
    assert found.dtype == np.float32
    if task == CLASSES:
        totals = [found[y == k].sum() for k in range(task.size)]
        np.testing.assert_allclose(totals, len(y) / task.size, rtol=1e-5)
        return
    having, others = (found * (y == 1)).sum(axis=0), (found * (y == 0)).sum(axis=0)
    np.testing.assert_allclose(having, others, rtol=1e-5)
    assert weights == "balanced" or (found[y == 0] == 1).all()
    assert (row_weights(y, "none", task) == 1).all()


@pytest.mark.parametrize(("made", "weights"), [(TASK_HEADS[0], "balanced"), (TASK_HEADS[3], "pos_weight")])
def test_weights_reach_the_training_and_not_the_proof(made, weights):
    plain, weighed = trained(made, made.losses[0]), trained(made, made.losses[0], class_weight=weights)
    losses = (session._steering.course.history[0][0] for session in (plain, weighed))
    assert len(set(losses)) == 2
    assert weighed.best().proof <= 1e-4


def test_trials_of_all_losses_of_a_task_share_one_compiled_network():
    from search.training.compiled_networks import CompiledNetworks

    networks = CompiledNetworks()
    for made, loss in (TASK_PAIRS[1], TASK_PAIRS[4]):
        shared = trained(made, loss, eager=False, networks=networks).best()
        alone = trained(made, loss, eager=False).best()
        np.testing.assert_allclose(shared.raw, alone.raw, rtol=1e-5, atol=1e-6)
    assert len(networks._held) == 1


def test_two_classes_train_as_the_binary_softmax_does():
    """The same numbers drawn, the same steps: the second class scores half of what the binary head scores."""
    from search.training.training import Training
    from spaces.task_heads import head
    from tests.helpers.toys import config, trial_data

    data, two = trial_data(), Task(name="classes", size=2)
    found = []
    for chosen, steer in (
        (config("softmax", "cce"), "average_precision"),
        (task_config(head("softmax", two), "cce"), "macro_average_precision"),
    ):
        session = Training(chosen, Rules(epochs=1), steer, data, seed=0)
        session.advance(1)
        found.append(session.best().raw)
    np.testing.assert_array_equal(2 * found[1][:, 1], found[0])
