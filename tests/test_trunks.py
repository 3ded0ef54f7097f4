"""The contract of all trunks under all heads, and the seizure CNN against the network it stands for."""

import numpy as np
import pytest

from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.study import Study, Trunk
from tests.toys import config

pytestmark = pytest.mark.usefixtures("keras")

SHAPES = {"seizure_cnn": (32, 9, 19), "image_cnn": (16, 16, 3), "mlp": (5,)}
"""A shape that each trunk takes."""
UNFIT = {"seizure_cnn": [(17, 9, 19), (32, 6, 19), (32, 9), (7,)], "image_cnn": [(9, 16, 3), (16, 16), (7,)]}
LOSS_OF = {"sigmoid": "bce", "softmax": "cce", "margin": "hinge"}
each_trunk = pytest.mark.parametrize("trunk", SHAPES)
each_head = pytest.mark.parametrize("head", HEADS)


def build(trunk, head="sigmoid", width=0.1, dtype="float32", shape=None, seed=0, **changes):
    import keras

    from search import model

    keras.utils.set_random_seed(seed)
    chosen = config(head, LOSS_OF[head], trunk=trunk, width=width, **changes)
    return model.build(chosen, shape or SHAPES[trunk], dtype)


def rows(trunk, n=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *SHAPES[trunk])).astype(np.float32)


def answers(model, x):
    import keras

    return keras.ops.convert_to_numpy(model(x, training=False))


def test_every_trunk_is_under_contract():
    from search.trunks import TRUNKS

    assert set(SHAPES) == set(TRUNKS)


@each_trunk
@each_head
def test_a_network_ends_in_linear_float32_logits(keras, trunk, head):
    model = build(trunk, head)
    logits = answers(model, rows(trunk))
    assert logits.shape == (3, HEADS[head].logits)
    assert logits.dtype == np.float32
    last = model.layers[-1]
    assert last.name == "logits"
    assert last.activation is keras.activations.linear
    assert last.compute_dtype == "float32"
    assert len(np.unique(logits)) == logits.size


@each_trunk
def test_the_logits_stay_float32_under_mixed_precision(keras, trunk):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = build(trunk)
        assert model.layers[-2].compute_dtype == "float16"
        assert answers(model, rows(trunk)).dtype == np.float32
    finally:
        keras.config.set_dtype_policy("float32")


@each_trunk
def test_width_scales_every_layer(trunk):
    counts = [build(trunk, width=width).count_params() for width in (1e-6, 0.25, 0.5, 1.0)]
    assert counts == sorted(set(counts))
    narrow = [layer.units for layer in build(trunk, width=1e-6).layers if hasattr(layer, "units")]
    assert set(narrow) == {1}


@each_trunk
def test_a_seed_makes_the_same_network_again(trunk):
    x = rows(trunk)
    np.testing.assert_array_equal(answers(build(trunk), x), answers(build(trunk), x))
    assert (answers(build(trunk), x) != answers(build(trunk, seed=1), x)).all()


@pytest.mark.parametrize("trunk", ["image_cnn", "mlp"])
def test_pixels_are_scaled_inside_the_network(trunk):
    pixels = np.random.default_rng(0).integers(0, 256, (3, *SHAPES[trunk]), dtype=np.uint8)
    of_pixels, of_floats = build(trunk, dtype="uint8"), build(trunk)
    of_pixels.set_weights(of_floats.get_weights())
    expected = answers(of_floats, pixels.astype(np.float32) / 255)
    np.testing.assert_allclose(answers(of_pixels, pixels), expected, rtol=1e-4, atol=1e-5)


@each_trunk
def test_hidden_layers_stand_between_trunk_and_head(keras, trunk):
    plain, deep = build(trunk), build(trunk, hidden_layers="12-7")
    dense = [layer.units for layer in deep.layers if isinstance(layer, keras.layers.Dense)]
    assert dense[-3:] == [12, 7, 1]
    assert len(deep.layers) == len(plain.layers) + 4


@each_trunk
def test_the_authors_own_settings_are_a_configuration(trunk):
    from search.trunks import author_config

    author = author_config(Study(trunk=Trunk(name=trunk, width=0.5)))
    assert (author.trunk, author.width) == (trunk, 0.5)
    assert author.loss in HEADS[author.head].losses


@pytest.mark.parametrize(("trunk", "shape"), [(t, shape) for t, shapes in UNFIT.items() for shape in shapes])
def test_a_shape_that_does_not_fit_is_refused(trunk, shape):
    from search.trunks import TRUNKS, check_shape

    study = Study(trunk=Trunk(name=trunk))
    with pytest.raises(RunError, match=f"trunk {trunk} takes rows of shape .*; trunks that fit: ") as caught:
        check_shape(study, shape)
    assert TRUNKS[trunk].takes in str(caught.value)
    assert f"but the data has {shape}" in str(caught.value)
    check_shape(study, SHAPES[trunk])


@pytest.mark.parametrize(("trunk", "smallest"), [("seizure_cnn", (18, 7, 1)), ("image_cnn", (10, 10, 1))])
def test_the_smallest_shape_that_is_promised_can_be_built(trunk, smallest):
    from search.trunks import TRUNKS

    assert TRUNKS[trunk].fits(smallest)
    assert build(trunk, shape=smallest).output_shape == (None, 1)
    for axis in (0, 1):
        below = tuple(size - (axis == i) for i, size in enumerate(smallest))
        assert not TRUNKS[trunk].fits(below)
        with pytest.raises(ValueError, match=r"."):
            build(trunk, shape=below)


def conv3d_form(keras, shape):
    """The network as Liu et al. (arXiv 2001.06282) draw it: its first kernel spans all channels."""
    layers = keras.layers
    x = inputs = keras.Input(shape)
    x = layers.BatchNormalization()(x)
    x = layers.Reshape((*shape, 1))(x)
    x = layers.Conv3D(32, (3, 3, shape[2]), activation="relu")(x)
    x = layers.Reshape((shape[0] - 2, shape[1] - 2, 32))(x)
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.MaxPooling2D((2, 1))(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(1)(x))


def test_the_seizure_cnn_is_the_published_network(keras):
    ours = build("seizure_cnn", width=1.0, dropout=0.5)
    theirs = conv3d_form(keras, SHAPES["seizure_cnn"])
    assert ours.count_params() == theirs.count_params() == 258_509
    rng = np.random.default_rng(0)
    # Batch normalisation too is given weights that do something.
    weights = [w + np.abs(rng.normal(size=w.shape, scale=0.1)).astype(np.float32) for w in ours.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights([w.reshape(t.shape) for w, t in zip(weights, theirs.get_weights(), strict=True)])
    x = rows("seizure_cnn", 16)
    of_ours, of_theirs = answers(ours, x), answers(theirs, x)
    assert np.ptp(of_ours) > 0.1
    assert np.abs(of_ours - of_theirs).max() <= 1e-5 * np.abs(of_ours).max()


def test_the_seizure_cnn_has_the_published_shapes(keras):
    model = build("seizure_cnn", width=1.0)
    kinds = (keras.layers.Conv2D, keras.layers.MaxPooling2D, keras.layers.Flatten, keras.layers.Dense)
    shapes = [layer.output.shape[1:] for layer in model.layers if isinstance(layer, kinds)]
    assert shapes == [(30, 7, 32), (15, 7, 32), (13, 5, 64), (6, 5, 64), (4, 3, 64), (768,), (256,), (1,)]
