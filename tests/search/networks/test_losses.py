"""The losses twice over: formulas of the raw score, Keras losses of the logits, and both by the textbook."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.heads import HEADS
from spaces.losses import LOSSES
from tests.helpers.toys import PAIR_NAMES, PAIRS, parameters

each_pair = pytest.mark.parametrize(("head", "loss"), PAIRS, ids=PAIR_NAMES)
Y = np.array([0, 1] * 16)


def _cross_entropy(y, p, label_smoothing):
    t = y * (1 - label_smoothing) + 0.5 * label_smoothing
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def _focal(y, p, focal_gamma, focal_alpha):
    positive = -focal_alpha * (1 - p) ** focal_gamma * np.log(p)
    negative = -(1 - focal_alpha) * p**focal_gamma * np.log(1 - p)
    return np.where(y == 1, positive, negative)


# Of labels, probability and score, in float64, as a textbook writes them: right only at moderate scores.
TEXTBOOK = {
    "bce": lambda y, p, z, **k: _cross_entropy(y, p, **k),
    "cce": lambda y, p, z, **k: _cross_entropy(y, p, **k),
    "focal": lambda y, p, z, **k: _focal(y, p, **k),
    "brier": lambda y, p, z: (p - y) ** 2,
    "hinge": lambda y, p, z: np.maximum(0, 1 - np.where(y == 1, 1, -1) * z),
    "squared_hinge": lambda y, p, z: np.maximum(0, 1 - np.where(y == 1, 1, -1) * z) ** 2,
}


def draw_logits(head, seed, scale):
    """Logits `(32, head.logits)` for the labels `Y`: right, wrong and undecided ones."""
    return np.random.default_rng(seed).uniform(-scale, scale, (len(Y), head.logits)).astype(np.float32)


def trained_on(keras, head, loss, given_parameters, z, y=Y):
    """The loss of each row as training sees it."""
    from search.networks.losses import training_loss

    compute = training_loss(head, loss, given_parameters)
    return keras.ops.convert_to_numpy(compute(head.encode(y), z))


def of_votes(head, loss, y, z, given_parameters):
    """The formula of the raw score: the mean over the head's votes."""
    return LOSSES[loss].per_row(y[:, None], head.votes(z), **given_parameters).mean(axis=1)


@pytest.mark.parametrize(("head", "loss"), [pair for pair in PAIRS if pair[0].name != "two_sigmoids"])
def test_the_loss_of_one_vote_is_the_loss_of_the_score(head, loss):
    z = draw_logits(head, 4, 8.0)
    chosen = dict(LOSSES[loss].parameters)
    np.testing.assert_array_equal(
        of_votes(head, loss, Y, z, chosen), LOSSES[loss].per_row(Y, head.score(z), **chosen)
    )


def test_the_loss_of_two_sigmoids_is_no_function_of_their_score():
    head, z = HEADS["two_sigmoids"], np.float32([[-1, 1], [2, 4]])
    score = head.score(z)
    assert score[0] == score[1]
    one, other = of_votes(head, "bce", np.array([1, 1]), z, {})
    assert one == pytest.approx(np.log1p(np.exp(-1)))
    assert other == pytest.approx((np.log1p(np.exp(2)) + np.log1p(np.exp(-4))) / 2)


@pytest.mark.parametrize("loss", LOSSES)
@settings(deadline=None)
@given(st.data())
def test_a_formula_is_the_textbooks(loss, data):
    chosen = data.draw(parameters(loss))
    z = data.draw(st.lists(st.floats(-12, 12), min_size=2, max_size=20).map(np.array))
    y = np.arange(len(z)) % 2
    expected = TEXTBOOK[loss](y, 1 / (1 + np.exp(-z)), z, **chosen)
    np.testing.assert_allclose(LOSSES[loss].per_row(y, z, **chosen), expected, rtol=1e-8, atol=1e-12)


@each_pair
@settings(deadline=None, max_examples=40)
@given(data=st.data(), seed=st.integers(0, 2**31), scale=st.sampled_from([0.1, 1.0, 8.0, 30.0]))
def test_training_minimises_the_formula(keras, head, loss, data, seed, scale):
    """Row by row to 1e-4, at scores of 60 too: a network that is sure still trains on its loss's digits."""
    chosen = data.draw(parameters(loss))
    z = draw_logits(head, seed, scale)
    expected = of_votes(head, loss, Y, z, chosen)
    # float32 has no numbers between 0 and 1e-38, and few digits just above.
    np.testing.assert_allclose(trained_on(keras, head, loss, chosen, z), expected, rtol=1e-4, atol=1e-35)


@each_pair
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_no_logit_is_too_large(keras, head, loss, size):
    if loss == "squared_hinge":
        size = min(size, 1e15)  # a margin of 1e30 squared is more than a float32 holds
    z = np.concatenate([sign * draw_logits(head, 0, 1.0) * np.float32(size) for sign in (1, -1)])
    y = np.concatenate([Y, Y])
    neutral = dict(LOSSES[loss].parameters)
    found = trained_on(keras, head, loss, neutral, z, y)
    assert np.isfinite(found).all()
    expected = of_votes(head, loss, y, z, neutral)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-35)


@each_pair
@pytest.mark.parametrize("size", [1.0, 1e4, 1e15])
def test_gradients_are_finite_and_point_the_right_way(keras, head, loss, size):
    import tensorflow as tf

    from search.networks.losses import training_loss

    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes gradients with TensorFlow")
    z = tf.constant(draw_logits(head, 0, size))
    compute = training_loss(head, loss, dict(LOSSES[loss].parameters))
    with tf.GradientTape() as tape:
        tape.watch(z)
        total = tf.reduce_sum(compute(head.encode(Y), z))
    gradient = tape.gradient(total, z).numpy()
    assert np.isfinite(gradient).all()
    # Downhill is towards the label, in every column, or nowhere.
    assert (gradient * (2 * head.encode(Y) - 1) <= 0).all()
    assert size > 1 or (gradient != 0).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_keras_own(keras, smoothing):
    for head, loss, theirs in (
        ("sigmoid", "bce", keras.losses.BinaryCrossentropy),
        ("softmax", "cce", keras.losses.CategoricalCrossentropy),
        ("two_sigmoids", "bce", keras.losses.BinaryCrossentropy),
    ):
        z = draw_logits(HEADS[head], 1, 10.0)
        reference = theirs(from_logits=True, label_smoothing=smoothing, reduction=None)
        expected = keras.ops.convert_to_numpy(reference(HEADS[head].encode(Y), z))
        found = trained_on(keras, HEADS[head], loss, {"label_smoothing": smoothing}, z)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.25, 0.7])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_is_keras_own_at_moderate_scores(keras, alpha, gamma):
    theirs = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=alpha, gamma=gamma, from_logits=True, reduction=None
    )
    chosen = {"focal_alpha": alpha, "focal_gamma": gamma}
    z = draw_logits(HEADS["sigmoid"], 2, 5.0)
    expected = keras.ops.convert_to_numpy(theirs(Y[:, None].astype("float32"), z))
    np.testing.assert_allclose(trained_on(keras, HEADS["sigmoid"], "focal", chosen, z), expected, rtol=1e-4)


def test_focal_of_a_network_that_is_surely_wrong_is_not_clipped(keras):
    """Keras' categorical focal loss cuts probabilities at 1e-7, where its gradient ends; ours goes on."""
    head = HEADS["softmax"]
    z = np.float32([[0, 40]])
    theirs = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, from_logits=True)
    assert float(theirs(head.encode(np.array([0])), z)) == pytest.approx(-np.log(1e-7), rel=1e-3)
    chosen = {"focal_alpha": 0.5, "focal_gamma": 2.0}
    assert 2 * trained_on(keras, head, "focal", chosen, z, np.array([0]))[0] == pytest.approx(40)


@pytest.mark.parametrize("head", ["sigmoid", "two_sigmoids"])
def test_brier_is_keras_squared_error_of_the_probabilities(keras, head):
    z = draw_logits(HEADS[head], 5, 5.0)
    theirs = keras.losses.MeanSquaredError(reduction=None)
    expected = keras.ops.convert_to_numpy(theirs(HEADS[head].encode(Y), keras.ops.sigmoid(z)))
    np.testing.assert_allclose(trained_on(keras, HEADS[head], "brier", {}, z), expected, rtol=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_of_two_sigmoids_is_keras_own_where_alpha_is_neutral(keras, gamma):
    """Keras would weigh each column's own positives; ours weighs the positive class in both."""
    head, chosen = HEADS["two_sigmoids"], {"focal_alpha": 0.5, "focal_gamma": gamma}
    z = draw_logits(head, 6, 5.0)
    theirs = keras.losses.BinaryFocalCrossentropy(gamma=gamma, from_logits=True, reduction=None)
    expected = keras.ops.convert_to_numpy(theirs(head.encode(Y), z))
    np.testing.assert_allclose(2 * trained_on(keras, head, "focal", chosen, z), expected, rtol=1e-4)
    weighed = trained_on(keras, head, "focal", {**chosen, "focal_alpha": 0.8}, z)
    ratio = weighed / trained_on(keras, head, "focal", chosen, z)
    np.testing.assert_allclose(ratio, np.where(Y == 1, 1.6, 0.4), rtol=1e-5)


@pytest.mark.parametrize(("loss", "theirs"), [("hinge", "Hinge"), ("squared_hinge", "SquaredHinge")])
def test_hinge_is_keras_own(keras, loss, theirs):
    z = draw_logits(HEADS["margin"], 3, 3.0)
    reference = getattr(keras.losses, theirs)(reduction=None)
    expected = keras.ops.convert_to_numpy(reference(HEADS["margin"].encode(Y), z))
    np.testing.assert_allclose(trained_on(keras, HEADS["margin"], loss, {}, z), expected, rtol=1e-5)


@settings(deadline=None)
@given(st.data())
def test_one_loss_of_two_heads_is_one_loss(data):
    """`bce` and `cce` are one function of the raw score, and a neutral focal loss is half of it."""
    z = data.draw(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=9).map(np.array))
    y = np.arange(len(z)) % 2
    np.testing.assert_array_equal(LOSSES["bce"].per_row(y, z), LOSSES["cce"].per_row(y, z))
    focal = LOSSES["focal"].per_row(y, z, focal_gamma=0.0, focal_alpha=0.5)
    # Halving the very smallest numbers rounds them away.
    np.testing.assert_allclose(2 * focal, LOSSES["bce"].per_row(y, z), rtol=1e-12, atol=1e-300)


@each_pair
@pytest.mark.parametrize("size", [1.0, 30.0])
def test_the_loss_that_comes_with_the_targets_is_the_loss_of_its_pair(keras, head, loss, size):
    """One compiled loss serves every pair of as many logits: the same numbers, and the same gradients."""
    import tensorflow as tf

    from search.networks.losses import beside, loss_columns, shared_loss, training_loss

    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes gradients with TensorFlow")
    z, chosen = tf.constant(draw_logits(head, 1, size)), dict(LOSSES[loss].parameters)
    chosen |= dict.fromkeys(chosen, 0.3)
    targets = head.encode(Y)
    shared = tf.function(shared_loss(head.logits))
    found = []
    for compute, given_targets in (
        (training_loss(head, loss, chosen), targets),
        (shared, beside(targets, loss_columns(head, loss, chosen))),
    ):
        with tf.GradientTape() as tape:
            tape.watch(z)
            each = compute(tf.constant(given_targets), z)
        found.append((each.numpy(), tape.gradient(each, z).numpy()))
    for alone, together in zip(*found, strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)
