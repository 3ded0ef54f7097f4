"""The contract of all trunks under all heads, and the seizure CNN against the network it stands for."""

from dataclasses import dataclass
from functools import cache
from itertools import cycle

import numpy as np
import pytest

from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.space import Trunk
from spaces.study import Study
from spaces.study import Training as Rules
from tests.helpers.toys import LOSS_OF, config, measured

pytestmark = pytest.mark.usefixtures("keras")


@dataclass(frozen=True)
class Case:
    """What one trunk takes: a usual shape of a row, the smallest one, and shapes that are refused."""

    usual: tuple[int, ...]
    smallest: tuple[int, ...]
    unfit: tuple[tuple[int, ...], ...]
    pixels: bool = True


CASES = {
    "seizure_cnn": Case((32, 9, 19), (18, 7, 1), ((17, 7, 1), (18, 6, 1), (32, 9), (7,)), pixels=False),
    "image_cnn": Case((16, 16, 3), (10, 10, 1), ((9, 10, 1), (10, 9, 1), (16, 16), (7,))),
    "mobilenet_v1": Case((32, 40, 3), (32, 32, 1), ((31, 32, 3), (32, 31, 3), (32, 32), (7,))),
    "conv1d_cnn": Case((10, 4), (1, 1), ((10,), (10, 4, 1)), pixels=False),
    "mlp": Case((5,), (1,), ((),)),
    "lstm": Case((10, 4), (1, 1), ((10,), (10, 4, 1)), pixels=False),
    "bilstm": Case((10, 4), (1, 1), ((10,), (10, 4, 1)), pixels=False),
    "tests.helpers.networks:pooled": Case((12, 4), (1, 1), ((),)),
}
"""Every trunk; one more trunk is one more row."""
each_trunk = pytest.mark.parametrize("trunk", CASES)
each_head = pytest.mark.parametrize("head", HEADS)
of_pixels = pytest.mark.parametrize("trunk", [trunk for trunk, case in CASES.items() if case.pixels])


def build(
    trunk, head="sigmoid", width=0.1, dtype="float32", shape=None, seed=0, precision="float32", **changes
):
    import keras

    from search.networks import model

    keras.utils.set_random_seed(seed)
    chosen = config(head, LOSS_OF[head], trunk=trunk, width=width, **changes)
    return model.build(chosen, shape or CASES[trunk].usual, dtype, precision=precision)


def rows(trunk, n=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *CASES[trunk].usual)).astype(np.float32)


def unsettled(model):
    """Gives a network weights that all do something, batch normalisation's averages too; returns them."""
    rng = np.random.default_rng(1)
    weights = [
        w + np.abs(rng.normal(size=w.shape, scale=0.1)).astype(np.float32) for w in model.get_weights()
    ]
    model.set_weights(weights)
    return weights


@cache
def eager():
    """The networks of the trials here, none of which is traced."""
    from search.training.compiled_networks import CompiledNetworks

    return CompiledNetworks()


def train(trunk, head):
    """The weights of a network after one epoch on noise, and its training loss."""
    from search.data.trial_data import TrialData
    from search.training.training import Training

    x, y = rows(trunk, 12), np.arange(12, dtype=np.int8) % 2
    chosen = config(head, LOSS_OF[head], trunk=trunk, width=0.05, batch_size=4)
    data = TrialData(x[:8], y[:8], x[8:], y[8:])
    session = Training(chosen, Rules(epochs=1), "average_precision", data, seed=3, networks=eager())
    session.model.run_eagerly = True  # two steps are sooner taken than traced
    session.advance(1)
    return session.model.get_weights(), session._steering.course.history[0][0]


def answers(model, x):
    import keras

    return keras.ops.convert_to_numpy(model(x, training=False))


def test_every_trunk_is_under_contract():
    from search.networks.trunks import TRUNKS
    from spaces.space import TRUNK_NAMES

    assert [trunk for trunk in CASES if ":" not in trunk] == list(TRUNK_NAMES)
    assert set(TRUNKS) == set(TRUNK_NAMES)


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
    model = build(trunk, precision="mixed_float16")
    assert model.layers[-2].compute_dtype == "float16"
    assert answers(model, rows(trunk)).dtype == np.float32
    assert keras.config.dtype_policy().name == "float32"


@each_trunk
def test_width_scales_every_layer(trunk):
    counts = [build(trunk, width=width).count_params() for width in (1e-6, 0.25, 0.5, 1.0)]
    assert counts == sorted(set(counts))
    narrow = [layer.units for layer in build(trunk, width=1e-6).layers if hasattr(layer, "units")]
    assert set(narrow) == {1}


@each_trunk
def test_a_seed_makes_the_same_network_again(trunk):
    x = rows(trunk)
    first = answers(build(trunk), x)
    np.testing.assert_array_equal(first, answers(build(trunk), x))
    assert (first != answers(build(trunk, seed=1), x)).all()


@of_pixels
def test_pixels_are_scaled_inside_the_network(trunk):
    from search.networks.trunks import trunk_of

    pixels = np.random.default_rng(0).integers(0, 256, (3, *CASES[trunk].usual), dtype=np.uint8)
    of_pixels, of_floats = build(trunk, dtype="uint8"), build(trunk)
    weights = unsettled(of_floats)
    of_pixels.set_weights(weights)
    low, high = trunk_of(trunk).pixels
    expected = answers(of_floats, low + pixels.astype(np.float32) / 255 * (high - low))
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(answers(of_pixels, pixels), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("trunk", "head"),
    # The first head on every trunk, and every head on one, are fast.
    [
        pytest.param(trunk, head, marks=() if head == "sigmoid" or trunk == "mlp" else pytest.mark.slow)
        for trunk in CASES
        for head in HEADS
    ],
)
def test_every_head_trains_on_every_trunk(trunk, head):
    """One epoch to a finite loss; and again, where it is the first of the heads, to the same weights."""
    weights, loss = train(trunk, head)
    assert np.isfinite(loss)
    assert loss > 0
    if head == "sigmoid":
        again, same_loss = train(trunk, head)
        assert loss == same_loss
        for weight, other in zip(weights, again, strict=True):
            np.testing.assert_array_equal(weight, other)


@pytest.mark.parametrize(
    ("trunk", "head", "dtype"),
    [(trunk, head, "float32") for trunk, head in zip(CASES, cycle(HEADS), strict=False)]
    + [(trunk, "two_sigmoids", "uint8") for trunk, case in CASES.items() if case.pixels],
)
def test_weights_make_the_trial_again_in_a_bundle(keras, tmp_path, trunk, head, dtype):
    """From the weights of a network to the deciding model, and through its file, read in safe mode."""
    from search.networks import export

    network = build(trunk, head, dtype=dtype)
    weights = unsettled(network)
    x = rows(trunk, 6) if dtype == "float32" else (rows(trunk, 6) * 50 + 128).clip(0, 255).astype(np.uint8)
    raw = HEADS[head].score(answers(network, x))
    record = measured(trunk, head, float(np.median(raw)))
    decider = export.deciding_model(record, weights, CASES[trunk].usual, dtype)
    file = tmp_path / "model.keras"
    export.save(decider, file)
    keras.utils.clear_session()
    loaded = export.load(str(file), CASES[trunk].usual, dtype)
    outputs = {name: keras.ops.convert_to_numpy(of) for name, of in loaded(x).items()}
    expected = 2 * raw + 1
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(outputs["score"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outputs["label"], outputs["score"] >= np.float32(record.threshold_score))
    assert 0 < outputs["label"].sum() < 6


@each_trunk
def test_hidden_layers_stand_between_trunk_and_head(keras, trunk):
    plain, deep = build(trunk), build(trunk, hidden_layers="12-7")
    dense = [layer.units for layer in deep.layers if isinstance(layer, keras.layers.Dense)]
    assert dense[-3:] == [12, 7, 1]
    assert len(deep.layers) == len(plain.layers) + 4


@each_trunk
def test_the_authors_own_settings_are_a_configuration(trunk):
    from search.networks.trunks import author_config

    author = author_config(Study(trunk=Trunk(name=trunk, width=0.5)))
    assert (author.trunk, author.width) == (trunk, 0.5)
    assert author.loss in HEADS[author.head].losses


@pytest.mark.parametrize(
    ("trunk", "shape"), [(trunk, shape) for trunk, case in CASES.items() for shape in case.unfit]
)
def test_a_shape_that_does_not_fit_is_refused(trunk, shape):
    from search.networks.checks import check_network, check_shape
    from search.networks.trunks import trunk_of

    study = Study(trunk=Trunk(name=trunk))
    for check in (check_shape, check_network):
        with pytest.raises(RunError, match=r"trunk .* takes rows of shape .*; trunks that fit: ") as caught:
            check(study, shape)
        assert f"trunk {trunk_of(trunk).name} takes rows of shape {trunk_of(trunk).takes}" in str(
            caught.value
        )
        assert f"but the data has {shape}" in str(caught.value)
    check_shape(study, CASES[trunk].usual)


@each_trunk
def test_the_smallest_shape_that_is_promised_can_be_built(trunk):
    from search.networks.trunks import trunk_of

    smallest = CASES[trunk].smallest
    assert trunk_of(trunk).fits(smallest)
    assert build(trunk, shape=smallest).output_shape == (None, 1)


@pytest.mark.parametrize("trunk", ["seizure_cnn", "image_cnn"])
@pytest.mark.parametrize("axis", [0, 1])
def test_no_smaller_shape_could_be_promised(trunk, axis):
    below = tuple(size - (axis == i) for i, size in enumerate(CASES[trunk].smallest))
    assert below in CASES[trunk].unfit
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
    theirs = conv3d_form(keras, CASES["seizure_cnn"].usual)
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
