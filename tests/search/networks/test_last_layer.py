"""The last layer of real Keras models, saved and loaded, is read with the logits below its activation."""

import numpy as np
import pytest

from search.networks import existing_model
from spaces.errors import RunError
from spaces.trained_heads import WrittenLoss
from tests.helpers import last_layers
from tests.helpers.last_layers import behind, built_by_call, dense, nested, operation, save

pytestmark = [
    pytest.mark.usefixtures("keras"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),
]


def layers():
    from keras import layers

    return layers


KINDS = {
    "sigmoid": (lambda: dense(1, "sigmoid"), 1, ("sigmoid",)),
    "linear": (lambda: dense(1), 1, ()),
    "tanh": (lambda: dense(1, "tanh"), 1, ("tanh",)),
    "softmax over one": (lambda: dense(1, "softmax"), 1, ("softmax",)),
    "softmax": (lambda: dense(2, "softmax"), 2, ("softmax",)),
    "two sigmoids": (lambda: dense(2, "sigmoid"), 2, ("sigmoid",)),
    "two linear": (lambda: dense(2), 2, ()),
    "activation layer": (lambda: behind(1, layers().Activation("sigmoid")), 1, ("sigmoid",)),
    "linear activation layer": (lambda: behind(1, layers().Activation("linear")), 1, ()),
    "softmax layer": (lambda: behind(2, layers().Softmax()), 2, ("softmax",)),
    "operation sigmoid": (lambda: operation(1, "sigmoid"), 1, ("sigmoid",)),
    "operation softmax": (lambda: operation(2, "softmax"), 2, ("softmax",)),
    "nested": (lambda: nested(1, "sigmoid"), 1, ("sigmoid",)),
    "nested softmax": (lambda: nested(2, "softmax"), 2, ("softmax",)),
    "nested, activated outside": (lambda: nested(2, None, layers().Softmax()), 2, ("softmax",)),
    "nested, reshaped outside": (lambda: nested(1, "sigmoid", layers().Reshape((1, 1))), 1, ("sigmoid",)),
    "flat": (lambda: behind(1, layers().Reshape(()), activation="sigmoid"), 1, ("sigmoid",)),
    "dropout last": (lambda: behind(2, layers().Dropout(0.5), activation="softmax"), 2, ("softmax",)),
    "sigmoid twice": (
        lambda: behind(1, layers().Activation("sigmoid"), activation="sigmoid"),
        1,
        ("sigmoid", "sigmoid"),
    ),
    "softmax of sigmoids": (lambda: behind(2, layers().Softmax(), activation="sigmoid"), 2, ("softmax",)),
    "built by a call": (lambda: built_by_call(1, "sigmoid"), 1, ("sigmoid",)),
    "half precision": (lambda: dense(1, "sigmoid", dtype="mixed_float16"), 1, ("sigmoid",)),
}
"""How to build each, its units, and its activations from outside to inside."""


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_below_the_activation(tmp_path, kind):
    from search.networks import last_layer

    build, units, applied = KINDS[kind]
    model = build()
    loaded = existing_model.load(save(tmp_path, model))
    found = last_layer.read(loaded, "model.keras")
    assert (found.units, found.applied) == (units, applied)
    x, _, _ = last_layers.rows(50)
    said = {name: values.reshape(50, units) for name, values in found.model.predict(x, verbose=0).items()}
    loose = 0.02 if kind == "half precision" else 1e-5
    expected = last_layers.logits(x, units)
    if kind == "softmax of sigmoids":
        expected = 1 / (1 + np.exp(-expected))
    assert np.allclose(said["logits"], expected, atol=loose)
    assert found.below == ("sigmoid" if kind in ("sigmoid twice", "softmax of sigmoids") else None)
    assert np.allclose(said["outputs"], model.predict(x, verbose=0).reshape(50, units), atol=1e-6)
    found.check(said["outputs"], said["logits"])


@pytest.mark.parametrize("kind", ["sigmoid", "softmax", "two sigmoids", "tanh", "linear", "sigmoid twice"])
def test_outputs_that_are_not_the_activation_of_the_logits_are_refused(tmp_path, kind):
    from search.networks import last_layer

    build, units, _ = KINDS[kind]
    found = last_layer.read(build(), "model.keras")
    x, _, _ = last_layers.rows(20)
    said = {name: values.reshape(20, units) for name, values in found.model.predict(x, verbose=0).items()}
    with pytest.raises(RunError, match="of its logits, but differs by up to"):
        found.check(said["outputs"] + np.float32(0.01), said["logits"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_trunk_is_what_feeds_the_last_dense_layer(tmp_path, kind):
    from search.networks import last_layer

    trunk = last_layer.trunk(existing_model.load(save(tmp_path, KINDS[kind][0]())))
    x, _, _ = last_layers.rows(20)
    assert np.array_equal(trunk.predict(x, verbose=0), x)


def test_other_activations_are_named_and_stay(keras):
    from search.networks import last_layer

    assert last_layer.read(dense(1, "relu"), "m").applied == ("relu",)
    inputs = keras.Input((4,))
    both = [keras.layers.Dense(1, activation="sigmoid")(inputs) for _ in range(2)]
    averaged = keras.Model(inputs, keras.layers.Average()(both))
    found = last_layer.read(averaged, "m")
    assert found.applied == ("Average",)
    assert last_layer.trunk(averaged) is None
    said = found.model.predict(np.ones((3, 4), np.float32), verbose=0)
    assert np.array_equal(said["outputs"], said["logits"])


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize` method")
def test_a_quantized_layer_is_taken_by_its_outputs(tmp_path):
    from search.networks import last_layer

    model = dense(1, "sigmoid")
    model.quantize("int8")
    found = last_layer.read(existing_model.load(save(tmp_path, model)), "m")
    assert found.applied == ("quantized sigmoid",)
    x, _, _ = last_layers.rows(20)
    said = found.model.predict(x, verbose=0)
    assert np.array_equal(said["outputs"], model.predict(x, verbose=0))


def test_what_gives_no_single_answer_is_refused(keras):
    from search.networks import last_layer

    inputs = keras.Input((4,))
    one = keras.layers.Dense(1)(inputs)
    for model, said in (
        (dense_of(keras, 3), r"decided by one or two units, but a row of m puts out \(3,\): 3 classes"),
        (keras.Model(inputs, [one, one * 2]), "must have one output to be judged, but m has 2"),
        (keras.Model([inputs, one], one + 1), "must have one array of rows to be judged, but m has 2"),
        (keras.Model(inputs, keras.layers.Reshape((4, 1))(inputs)), r"puts out \(4, 1\)"),
    ):
        with pytest.raises(RunError, match=said):
            last_layer.read(model, "m")


def dense_of(keras, units):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation="softmax")])


def own(y, p):
    return p - y


def losses():
    from keras import losses

    return losses


COMPILED = {
    "text": (lambda: "binary_crossentropy", WrittenLoss(name="binary_crossentropy", from_logits=False)),
    "short": (lambda: "bce", WrittenLoss(name="bce", from_logits=False)),
    "class": (
        lambda: losses().BinaryCrossentropy(from_logits=True),
        WrittenLoss(name="BinaryCrossentropy", from_logits=True),
    ),
    "function": (
        lambda: losses().sparse_categorical_crossentropy,
        WrittenLoss(name="sparse_categorical_crossentropy", from_logits=False),
    ),
    "list": (lambda: ["hinge"], WrittenLoss(name="hinge")),
    "focal": (
        lambda: losses().BinaryFocalCrossentropy(),
        WrittenLoss(name="BinaryFocalCrossentropy", from_logits=False),
    ),
    "own": (lambda: own, WrittenLoss(name="own (of its own)")),
    "none": (lambda: None, None),
}


@pytest.mark.parametrize("kind", COMPILED)
def test_the_compiled_loss_is_read_without_running_it(tmp_path, kind):
    written, expected = COMPILED[kind]
    assert existing_model.compiled_loss(save(tmp_path, dense(1, "sigmoid"), loss=written())) == expected


def test_a_loss_by_the_name_of_its_output_is_read(tmp_path):
    model = operation(1, "sigmoid")
    path = save(tmp_path, model, loss={model.output_names[0]: "bce"})
    assert existing_model.compiled_loss(path) == WrittenLoss(name="bce", from_logits=False)


def test_rows_that_the_model_does_not_take_are_refused(keras):
    with pytest.raises(RunError, match=r"takes rows of shape \(4,\), but those of X have \(5,\)"):
        existing_model.check_rows(dense(1), np.zeros((3, 5), np.float32), "X")
    inputs = keras.Input((2,), dtype="int32")
    words = keras.Model(inputs, keras.layers.Flatten()(keras.layers.Embedding(5, 1)(inputs)))
    existing_model.check_rows(words, np.ones((3, 2), np.float32), "X")
    with pytest.raises(RunError, match=r"takes whole numbers \(int32\), but X holds others"):
        existing_model.check_rows(words, np.full((3, 2), 0.5, np.float32), "X")


def _log_sigmoid(z):
    return -np.logaddexp(0, -z)


def _bce(z, targets):
    return -np.mean(targets * _log_sigmoid(z) + (1 - targets) * _log_sigmoid(-z))


def _cce(z, targets):
    return -np.mean(np.sum(targets * (z - np.logaddexp.reduce(z, axis=1, keepdims=True)), axis=1))


def _cut_off(z, targets):
    # In float32, as Keras does: 1 - 1e-7 is its nearest neighbour below 1 there.
    p = np.clip(z.astype(np.float32), np.float32(1e-7), np.float32(1 - 1e-7)).astype(np.float64)
    return -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))


TRAINED = {
    "one softmax unit": (1, "softmax", "binary_crossentropy", _bce),
    "two softmax columns, each for itself": (2, "softmax", "binary_crossentropy", _bce),
    "two sigmoid columns that exclude each other": (2, "sigmoid", "categorical_crossentropy", _cce),
    "a sigmoid said to be a logit": (1, "sigmoid", "from_logits", _bce),
    "a logit said to be a probability": (1, None, "binary_crossentropy", _cut_off),
}
"""Pairs that do not fit, and the loss that TensorFlow computes for them from the logits below."""


@pytest.mark.filterwarnings("ignore:.*received `from_logits=True`")
@pytest.mark.parametrize("kind", TRAINED)
def test_what_keras_trains_is_what_is_decoded(keras, kind):
    """What `spaces/trained_heads.py` says that these pairs were trained to say, evaluate() computes."""
    if keras.config.backend() != "tensorflow":
        pytest.skip("TensorFlow alone reads the logits below")
    units, activation, loss, by_hand = TRAINED[kind]
    model = dense(units, activation)
    model.compile(loss=losses().BinaryCrossentropy(from_logits=True) if loss == "from_logits" else loss)
    x, y, _ = last_layers.rows(64)
    targets = np.eye(2)[y] if units == 2 else y[:, None]
    came = model.evaluate(x, targets, batch_size=64, verbose=0)
    assert came == pytest.approx(by_hand(last_layers.logits(x, units), targets), rel=1e-4)
