"""The losses of K classes, K labels and a number: ours in Keras against numpy, and against Keras' own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.heads import HEADS
from spaces.task_heads import head
from spaces.tasks import Task
from tests.helpers.tasks import CLASSES, LABELS, NUMBER, TASK_PAIR_NAMES, TASK_PAIRS, labels_of

each_pair = pytest.mark.parametrize(("made", "loss"), TASK_PAIRS, ids=TASK_PAIR_NAMES)
RANGES = {
    "label_smoothing": (0.0, 0.5),
    "focal_gamma": (0.0, 8.0),
    "focal_alpha": (0.05, 0.95),
    "asymmetric_gamma_positive": (0.0, 4.0),
    "asymmetric_gamma_negative": (0.0, 8.0),
    "asymmetric_shift": (0.001, 0.5),
    "huber_delta": (0.1, 5.0),
}
TWO = Task(name="classes", size=2)


def draw(made, seed=0, scale=3.0, n=32):
    return np.random.default_rng(seed).uniform(-scale, scale, (n, made.logits)).astype(np.float32)


def trained_on(keras, made, loss, parameters, z, y):
    from search.networks.losses import training_loss

    return keras.ops.convert_to_numpy(training_loss(made, loss, parameters)(made.encode(y), z))


def formula(made, loss, parameters, z, y):
    found = made.loss(loss).per_row(*made.compared(y, made.votes(z).astype(np.float64)), **parameters)
    return found[:, 0]


@each_pair
@settings(deadline=None, max_examples=25)
@given(data=st.data(), seed=st.integers(0, 2**31), scale=st.sampled_from([0.1, 1.0, 8.0, 30.0]))
def test_training_minimises_the_formula(keras, made, loss, data, seed, scale):
    named = made.loss(loss).parameters
    chosen = data.draw(st.fixed_dictionaries({name: st.floats(*RANGES[name]) for name in named}))
    z, y = draw(made, seed, scale), labels_of(made.task, 32, seed % 99)
    expected = formula(made, loss, chosen, z, y)
    found = trained_on(keras, made, loss, chosen, z, y)
    expected = expected.reshape(*found.shape, -1).mean(axis=-1)  # a column for itself, or their mean
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9 if loss == "asymmetric" else 1e-20)


@each_pair
@pytest.mark.parametrize("size", [1.0, 1e4, 1e15])
def test_losses_and_gradients_are_finite_and_downhill_is_towards_the_label(keras, made, loss, size):
    import tensorflow as tf

    from search.networks.losses import training_loss

    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes gradients with TensorFlow")
    y = labels_of(made.task, 32)
    z, targets = tf.constant(draw(made, scale=size)), made.encode(y)
    with tf.GradientTape() as tape:
        tape.watch(z)
        each = training_loss(made, loss, dict(made.loss(loss).parameters))(targets, z)
    gradient = tape.gradient(each, z).numpy()
    assert np.isfinite(each.numpy()).all()
    assert np.isfinite(gradient).all()
    way = (targets - z.numpy()) if made.task == NUMBER else (2 * targets - 1)
    if loss not in ("focal", "brier", "asymmetric") or made.columns != "exclusive":
        assert (gradient * way <= 1e-12).all()
    assert size > 1 or (gradient != 0).any()


@each_pair
@pytest.mark.parametrize("size", [1.0, 30.0])
def test_the_loss_that_comes_with_the_targets_is_the_loss_of_its_pair(keras, made, loss, size):
    import tensorflow as tf

    from search.networks.losses import beside, loss_columns, shared_loss, training_loss

    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes gradients with TensorFlow")
    z, chosen = tf.constant(draw(made, 1, size)), dict(made.loss(loss).parameters)
    chosen |= dict.fromkeys(chosen, 0.3)
    targets = made.encode(labels_of(made.task, 32))
    shared = tf.function(shared_loss(made.logits, made.task.name))
    found = []
    for compute, given_targets in (
        (training_loss(made, loss, chosen), targets),
        (shared, beside(targets, loss_columns(made, loss, chosen))),
    ):
        with tf.GradientTape() as tape:
            tape.watch(z)
            each = compute(tf.constant(given_targets), z)
        found.append((each.numpy(), tape.gradient(each, z).numpy()))
    for alone, together in zip(*found, strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", ["cce", "focal", "brier"])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_two_classes_are_the_binary_softmax_to_the_bit(keras, loss, scale):
    import tensorflow as tf

    from search.networks.losses import training_loss

    two, binary = head("softmax", TWO), HEADS["softmax"]
    z, y = draw(two, 2, scale), labels_of(TWO, 32)
    chosen = {"cce": {"label_smoothing": 0.1}, "focal": {"focal_gamma": 1.5}, "brier": {}}[loss]
    # The neutral alpha of the binary focal loss halves it; of K classes there is none.
    factor, more = (2, {"focal_alpha": 0.5}) if loss == "focal" else (1, {})
    found = trained_on(keras, two, loss, chosen, z, y)
    expected = trained_on(keras, binary, loss, {**chosen, **more}, z, y)
    np.testing.assert_array_equal(found, factor * expected)
    if keras.backend.backend() != "tensorflow":
        return
    gradients = []
    for made, parameters in ((two, chosen), (binary, {**chosen, **more})):
        at = tf.constant(z)
        with tf.GradientTape() as tape:
            tape.watch(at)
            total = tf.reduce_sum(training_loss(made, loss, parameters)(made.encode(y), at))
        gradients.append(tape.gradient(total, at).numpy())
    np.testing.assert_allclose(gradients[0], factor * gradients[1], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_entropies_are_keras_own(keras, smoothing):
    for made, loss, theirs in (
        (head("softmax", CLASSES), "cce", keras.losses.CategoricalCrossentropy),
        (head("one_vs_rest", CLASSES), "bce", keras.losses.BinaryCrossentropy),
        (head("sigmoids", LABELS), "bce", keras.losses.BinaryCrossentropy),
    ):
        z, y = draw(made, 1, 10.0), labels_of(made.task, 32)
        reference = theirs(from_logits=True, label_smoothing=smoothing, reduction=None)
        expected = keras.ops.convert_to_numpy(reference(made.encode(y), z))
        found = trained_on(keras, made, loss, {"label_smoothing": smoothing}, z, y)
        np.testing.assert_allclose(found.reshape(32, -1).mean(axis=1), expected, rtol=1e-4, atol=1e-6)


def test_focal_and_brier_of_classes_are_keras_own_but_for_a_factor(keras):
    made = head("softmax", CLASSES)
    z, y = draw(made, 2, 4.0), labels_of(CLASSES, 32)
    theirs = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=1.5, from_logits=True, reduction=None)
    expected = keras.ops.convert_to_numpy(theirs(made.encode(y), z))
    np.testing.assert_allclose(
        trained_on(keras, made, "focal", {"focal_gamma": 1.5}, z, y), expected, rtol=1e-4
    )
    theirs = keras.losses.MeanSquaredError(reduction=None)
    expected = keras.ops.convert_to_numpy(theirs(made.encode(y), keras.ops.softmax(z)))
    np.testing.assert_allclose(
        trained_on(keras, made, "brier", {}, z, y) * 2 / CLASSES.size, expected, rtol=1e-4
    )


def test_focal_of_labels_is_keras_own(keras):
    made = head("sigmoids", LABELS)
    z, y = draw(made, 3, 5.0), labels_of(LABELS, 32)
    theirs = keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=0.3, gamma=2.0, from_logits=True, reduction=None
    )
    expected = keras.ops.convert_to_numpy(theirs(made.encode(y), z))
    found = trained_on(keras, made, "focal", {"focal_alpha": 0.3, "focal_gamma": 2.0}, z, y)
    np.testing.assert_allclose(found.mean(axis=1), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("loss", "theirs", "chosen"),
    [("mse", "MeanSquaredError", {}), ("mae", "MeanAbsoluteError", {}), ("huber", "Huber", {"delta": 0.7})],
)
def test_losses_of_a_number_are_keras_own_of_standardised_targets(keras, loss, theirs, chosen):
    made = head("linear", NUMBER)
    z, y = draw(made, 4), labels_of(NUMBER, 32)
    reference = getattr(keras.losses, theirs)(reduction=None, **chosen)
    expected = keras.ops.convert_to_numpy(reference(made.encode(y), z))
    found = trained_on(keras, made, loss, {"huber_delta": 0.7}, z, y)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    off = (made.score(z) - y) / NUMBER.scale
    np.testing.assert_allclose(trained_on(keras, made, "mse", {}, z, y), off**2, rtol=1e-3, atol=1e-6)


def test_a_categorical_hinge_is_keras_own_where_another_margin_is_positive_and_only_there(keras):
    """Keras masks by a product, so that a 0 stands among the other classes' margins."""
    made = head("margin", CLASSES)
    theirs = keras.losses.CategoricalHinge(reduction=None)
    y = np.array([0, 1])
    z = np.float32([[0.5, 0.2, -1, -2, -3], [0.7, 0.9, -1, -2, -3]])
    found = trained_on(keras, made, "categorical_hinge", {}, z, y)
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(theirs(made.encode(y), z)), rtol=1e-5)
    below = np.float32([[-1, -3, -4, -5, -6]])
    assert float(theirs(made.encode(y[:1]), below)[0]) == pytest.approx(2)  # though it leads by 2
    assert trained_on(keras, made, "categorical_hinge", {}, below, y[:1])[0] == 0


def test_the_asymmetric_loss_without_asymmetry_is_the_focal_one(keras):
    made = head("sigmoids", LABELS)
    z, y = draw(made, 5), labels_of(LABELS, 32)
    same = {"asymmetric_gamma_positive": 2.0, "asymmetric_gamma_negative": 2.0, "asymmetric_shift": 0.0}
    focal = trained_on(keras, made, "focal", {"focal_gamma": 2.0, "focal_alpha": 0.5}, z, y)
    np.testing.assert_allclose(trained_on(keras, made, "asymmetric", same, z, y), 2 * focal, rtol=1e-3)


@pytest.mark.parametrize("size", [3, 4, 7, 64])
def test_scores_of_tensors_and_arrays_are_alike(keras, size):
    made = head("softmax", Task(name="classes", size=size))
    z = draw(made, scale=30)
    decoded = keras.ops.convert_to_numpy(made.decode(keras.ops.convert_to_tensor(z)))
    np.testing.assert_array_equal(decoded, made.score(z))
    graph = keras.Input((size,))
    inside = keras.ops.convert_to_numpy(keras.Model(graph, made.decode(graph))(z))
    np.testing.assert_allclose(inside, made.score(z), rtol=1e-6, atol=1e-5)
