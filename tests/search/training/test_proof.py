"""The proof of the decode: sound trials pass, and six planted faults each fail one."""

import dataclasses
import functools

import numpy as np
import pytest

from search.data.trial_data import TrialData
from spaces.errors import TrialError
from spaces.heads import HEADS
from spaces.losses import LOSSES
from spaces.study import Training as Rules
from tests.helpers.toys import LOSS_OF, PAIR_NAMES, PAIRS, blobs, config, trial_data

pytestmark = pytest.mark.usefixtures("keras")
DATA = trial_data()
each_pair = pytest.mark.parametrize(
    ("head", "loss"),
    # Of each head one is fast.
    [
        pytest.param(head, loss, marks=() if loss == LOSS_OF[head.name] else pytest.mark.slow)
        for head, loss in PAIRS
    ],
    ids=PAIR_NAMES,
)
each_head = pytest.mark.parametrize("head", HEADS)
SQUASHED_BY = {"sigmoid": "sigmoid", "softmax": "softmax", "margin": "tanh", "two_sigmoids": "sigmoid"}
"""The activation that people put on each head's columns."""
with_entropy = pytest.mark.parametrize("head", ["sigmoid", "softmax", "two_sigmoids"])
NOT_DECODED = "the decode does not speak of the model that was trained"
NOT_LINEAR = "the network must end in plain linear logits"


def trained(head, loss, eager=True, **changes):
    """A session after two epochs; what takes few steps and is proven once is sooner done than traced."""
    from search.training.training import Training

    chosen = config(head, loss, **{"batch_size": 80, **changes})
    session = Training(chosen, Rules(epochs=2), "average_precision", DATA, seed=0)
    session.model.run_eagerly = eager
    session.advance(2)
    return session


@functools.cache
def sound(head, loss):
    """A trained session, shared by the tests that plant nothing while it trains, and its weights."""
    session = trained(head, loss, eager=False, batch_size=16, class_weight="balanced", dropout=0.2)
    return session, session.model.get_weights()


@pytest.fixture
def session_of():
    """Returns shared sessions, their weights as they were trained."""

    def session_of(head, loss=None):
        session, weights = sound(head, loss or LOSS_OF[head])
        session.model.set_weights(weights)
        return session

    return session_of


def prove(session, head, loss, raw, data=DATA, logits=None, **parameters):
    from search.training import proof

    chosen = {**LOSSES[loss].parameters, **parameters}
    x, y = data.x_validation, data.y_validation
    return proof.prove(session.model, session.loss_columns, HEADS[head], loss, chosen, x, y, raw, logits)


def scores(session, head, data=DATA):
    from search.training.feeding import predict

    return HEADS[head].score(predict(session.model, data.x_validation))


@pytest.fixture
def plant_head(monkeypatch):
    """Replaces parts of a head, as a mistake in its definition would."""
    from spaces import configuration

    def plant(name, **parts):
        faulty = dataclasses.replace(HEADS[name], **parts)
        monkeypatch.setattr(configuration, "head_of", lambda name, task: faulty)

    return plant


@each_pair
def test_a_sound_trial_passes(session_of, head, loss):
    best = session_of(head.name, loss).best()
    assert 0 <= best.proof <= 1e-4
    assert best.raw.shape == DATA.y_validation.shape


@each_pair
def test_so_does_one_that_is_very_sure_of_itself(session_of, head, loss):
    """On two clouds far apart, where it is right; on two that overlap, where it is sometimes surely wrong."""
    session = session_of(head.name, loss)
    layer = session.model.get_layer("logits")
    kernel, bias = layer.get_weights()
    for apart in (2.0, 12.0):
        data = trial_data(apart=apart)
        for factor in (10, 1000):
            layer.set_weights([kernel * factor, bias * factor])
            raw = scores(session, head.name, data)
            assert np.abs(raw).max() > factor / 10
            assert prove(session, head.name, loss, raw, data) <= 1e-4


@pytest.mark.parametrize(("head", "loss"), [("sigmoid", "bce"), ("softmax", "cce")])
@pytest.mark.parametrize("score", [6, 8, 10, 12])
def test_being_right_about_everything_fails_no_trial(session_of, head, loss, score):
    """All scores near -12 or 12: a loss that cancels digits in float32 would fail its own proof here."""
    session = session_of(head, loss)
    x, y = blobs(96)
    tight = (np.where(y == 1, 3, -3)[:, None] + 0.01 * x).astype(np.float32)
    data = TrialData(tight, y, tight, y)
    layer = session.model.get_layer("logits")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, 0 * bias])
    layer.set_weights([kernel * (score / np.median(np.abs(scores(session, head, data)))), 0 * bias])
    raw = scores(session, head, data)
    np.testing.assert_array_equal(raw > 0, y == 1)
    assert prove(session, head, loss, raw, data) <= 1e-4


# The six planted faults.


def plant_loss(monkeypatch, loss):
    """Has networks trained on another loss than the study's."""
    from search.training import compiled_networks

    without_columns = lambda logits, task: lambda targets, z: loss(targets[:, :logits], z)  # noqa: E731
    monkeypatch.setattr(compiled_networks, "shared_loss", without_columns)


@each_head
def test_fault_1_columns_swapped(plant_head, head):
    """`z0 - z1`; with a single column, its sign."""
    decode = HEADS[head].decode
    plant_head(head, decode=lambda z: -decode(z))
    with pytest.raises(TrialError, match=NOT_DECODED):
        trained(head, LOSS_OF[head]).best()


@each_head
def test_fault_2_labels_encoded_in_reverse(plant_head, head):
    encode = HEADS[head].encode
    plant_head(head, encode=lambda y: encode(1 - y))
    with pytest.raises(TrialError, match=NOT_DECODED):
        trained(head, LOSS_OF[head]).best()


@each_head
def test_fault_3_activation_applied_twice(monkeypatch, keras, head):
    """Once in the network's last layer, and once more by the loss, which takes its output for logits."""
    from search.networks import model

    build = model.build

    def with_activation(*arguments, **options):
        network = build(*arguments, **options)
        network.get_layer(model.LOGITS).activation = keras.activations.get(SQUASHED_BY[head])
        return type(network)(network.input, network.get_layer(model.LOGITS)(network.layers[-2].output))

    monkeypatch.setattr(model, "build", with_activation)
    with pytest.raises(TrialError, match=NOT_LINEAR):
        trained(head, LOSS_OF[head]).best()


@with_entropy
@pytest.mark.parametrize("wrong", ["logits taken for probabilities", "probabilities taken for logits"])
def test_fault_4_from_logits_wrong(monkeypatch, keras, head, wrong):
    entropy = {"bce": keras.losses.BinaryCrossentropy, "cce": keras.losses.CategoricalCrossentropy}
    squash = getattr(keras.ops, SQUASHED_BY[head])
    if wrong == "logits taken for probabilities":
        loss = entropy[LOSS_OF[head]](from_logits=False)
    else:
        compute = entropy[LOSS_OF[head]](from_logits=True)

        def loss(targets, logits):
            # Times 1: straight from the activation, Keras on TensorFlow would find the logits behind it.
            return compute(targets, 1.0 * squash(logits))

    plant_loss(monkeypatch, loss)
    with pytest.raises(TrialError, match=f"{NOT_DECODED}|the training loss became nan"):
        trained(head, LOSS_OF[head]).best()


@each_head
def test_fault_5_probability_used_as_logit(plant_head, keras, head):
    decode = HEADS[head].decode
    plant_head(head, decode=lambda z: keras.ops.convert_to_numpy(keras.ops.sigmoid(decode(z))))
    with pytest.raises(TrialError, match=NOT_DECODED):
        trained(head, LOSS_OF[head]).best()


@each_head
def test_fault_6_stale_weights(session_of, head):
    """Scores of the weights before the last ones: a copy that was not restored."""
    session = session_of(head)
    stale = scores(session, head)
    for weight in session.model.trainable_weights:
        weight.assign(weight * 1.05)
    with pytest.raises(TrialError, match=f"{NOT_DECODED}|{NOT_LINEAR}"):
        prove(session, head, LOSS_OF[head], stale)
    session._steering.best_weights = session.model.get_weights()
    with pytest.raises(TrialError, match=f"{NOT_DECODED}|{NOT_LINEAR}"):
        session.best()


@each_head
def test_of_many_rows_some_are_drawn(monkeypatch, session_of, head):
    from search.training import proof

    session = session_of(head)
    raw = scores(session, head)
    monkeypatch.setattr(proof, "PROVEN_ROWS", 32)
    monkeypatch.setattr(proof, "PROBED_ROWS", 1)
    assert prove(session, head, LOSS_OF[head], raw) <= 1e-4
    for weight in session.model.trainable_weights:
        weight.assign(weight * 1.05)
    with pytest.raises(TrialError, match=f"{NOT_DECODED}|{NOT_LINEAR}"):
        prove(session, head, LOSS_OF[head], raw)


def test_draws_differ_and_hold_the_last_rows():
    from search.training import proof

    count = 2 * proof.PROVEN_ROWS
    first, second = (proof.drawn_rows(count, (seed, 3)) for seed in (1, 2))
    for rows in (first, second):
        assert len(rows) == proof.PROVEN_ROWS
        assert (np.diff(rows) > 0).all()
        assert set(range(count - proof.PROBED_ROWS, count)) <= set(rows)
    assert len(np.intersect1d(first, second)) < 0.7 * proof.PROVEN_ROWS
    np.testing.assert_array_equal(first, proof.drawn_rows(count, (1, 3)))
    np.testing.assert_array_equal(proof.drawn_rows(9, ()), np.arange(9))


@each_head
def test_of_many_rows_the_last_one_is_always_held_against_the_model(monkeypatch, session_of, head):
    """Scores and logits that agree with one another, and only in the last row not with the model."""
    from search.training import proof, training

    session = session_of(head)
    monkeypatch.setattr(proof, "PROVEN_ROWS", 32)
    monkeypatch.setattr(proof, "PROBED_ROWS", 1)
    logits = training.predict(session.model, DATA.x_validation)
    decided = HEADS[head].score(logits)[-1]
    columns = logits.shape[1]
    logits[-1] = -100 * np.sign(decided) * (np.linspace(-1, 1, columns) if columns > 1 else 1)
    raw = HEADS[head].score(logits)
    x, y = DATA.x_validation, DATA.y_validation
    chosen = dict(LOSSES[LOSS_OF[head]].parameters)
    with pytest.raises(TrialError, match=NOT_DECODED):
        proof.prove(
            session.model, session.loss_columns, HEADS[head], LOSS_OF[head], chosen, x, y, raw, logits
        )


@pytest.mark.parametrize(
    "decode",
    [lambda z: z[:, 1], lambda z: -z[:, 0], lambda z: z[:, 1] - z[:, 0], lambda z: z[:, 1] + z[:, 0]],
    ids=["second column alone", "first column alone", "decoded as a softmax", "sum"],
)
def test_two_sigmoids_must_score_half_their_difference(plant_head, decode):
    plant_head("two_sigmoids", decode=decode)
    with pytest.raises(TrialError, match=NOT_DECODED):
        trained("two_sigmoids", "bce").best()


@pytest.mark.parametrize("entropy", ["CategoricalCrossentropy", "BinaryFocalCrossentropy"])
def test_two_sigmoids_trained_on_another_loss_fail(monkeypatch, keras, entropy):
    """Categorical cross-entropy of their logits is a softmax's loss: the score alone would not show it."""
    loss = getattr(keras.losses, entropy)(from_logits=True)
    plant_loss(monkeypatch, loss)
    with pytest.raises(TrialError, match=NOT_DECODED):
        trained("two_sigmoids", "bce").best()


@each_head
def test_logits_at_hand_need_not_be_predicted_again(session_of, monkeypatch, head):
    from search.training import proof, training

    session = session_of(head)
    logits = training.predict(session.model, DATA.x_validation)
    raw = HEADS[head].score(logits)
    expected = prove(session, head, LOSS_OF[head], raw)

    def refuse(*_, **__):
        raise AssertionError("predicted again")

    for way in ("predict", "predict_on_batch"):
        monkeypatch.setattr(session.model, way, refuse)
    with pytest.raises(AssertionError, match="predicted again"):
        training.predict(session.model, DATA.x_validation)
    x, y = DATA.x_validation, DATA.y_validation
    chosen = dict(LOSSES[LOSS_OF[head]].parameters)
    given = proof.prove(
        session.model, session.loss_columns, HEADS[head], LOSS_OF[head], chosen, x, y, raw, logits
    )
    assert given == pytest.approx(expected, abs=1e-6)
    with pytest.raises(TrialError, match=NOT_DECODED):
        proof.prove(
            session.model, session.loss_columns, HEADS[head], LOSS_OF[head], chosen, x, y, raw, logits[::-1]
        )


# And what is no fault, or none of the six.


@each_head
def test_scores_that_are_not_finite_fail(session_of, head):
    session = session_of(head)
    raw = scores(session, head)
    raw[[3, 5]] = np.nan, np.inf
    with pytest.raises(TrialError, match=f"scores must be finite, but 2 of {len(raw)} are not"):
        prove(session, head, LOSS_OF[head], raw)


@each_head
def test_scores_that_are_one_constant_fail(session_of, head):
    session = session_of(head)
    session.model.get_layer("logits").set_weights(
        [np.zeros_like(weight) for weight in session.model.get_layer("logits").get_weights()]
    )
    with pytest.raises(
        TrialError, match=f"scores must tell rows apart, but all {len(DATA.y_validation)} are 0"
    ):
        prove(session, head, LOSS_OF[head], scores(session, head))


def test_the_wrong_parameters_of_a_loss_fail(session_of):
    session = session_of("sigmoid", "focal")
    raw = scores(session, "sigmoid")
    assert prove(session, "sigmoid", "focal", raw, focal_gamma=2.0) <= 1e-4
    with pytest.raises(TrialError, match=NOT_DECODED):
        prove(session, "sigmoid", "focal", raw, focal_gamma=2.01)


@pytest.mark.parametrize(("head", "loss"), [("sigmoid", "bce"), ("softmax", "focal")])
def test_regularisation_is_no_part_of_the_proof(monkeypatch, keras, head, loss):
    from search.networks import trunks

    def with_l2(inputs, _config):
        l2 = keras.regularizers.L2(0.1)
        return keras.layers.Dense(8, activation="relu", kernel_regularizer=l2)(inputs)

    mlp = dataclasses.replace(trunks.TRUNKS["mlp"], build=with_l2)
    monkeypatch.setattr(trunks, "TRUNKS", {"mlp": mlp})
    session = trained(head, loss)
    assert float(sum(session.model.losses)) > 0.01
    assert session.best().proof <= 1e-4


def test_a_failed_proof_is_a_failed_trial_and_not_a_failed_search(plant_head):
    from search.record import Ask
    from search.scores.half_splits import draw_halves
    from search.scores.reference import Reference
    from search.training.keras_trainer import keras_trainer
    from search.training.trainer import Place
    from search.trials.trial import RunFacts, Trial
    from spaces.study_file import parse

    plant_head("sigmoid", decode=lambda z: -z[:, 0])
    study = parse({"trunk": {"name": "mlp"}, "training": {"epochs": 1}})
    halves = draw_halves(DATA.y_validation, None, None, 0)
    reference = Reference(DATA.y_validation, None, None, None, halves)
    facts = RunFacts(groups="unknown", leaky=False, data_digest="d", code_digest="c")
    ask = Ask(number=0, kind="search", config=config("sigmoid", "bce"), seed=0)
    finished = Trial(ask, study, DATA, reference, facts, keras_trainer, Place(node="here")).to_next_rung()
    assert finished.done
    assert finished.record.state == "failed"
    assert NOT_DECODED in finished.record.error
    assert finished.record.value is None
    assert finished.raw is None
