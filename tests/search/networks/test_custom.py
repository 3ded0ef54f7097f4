"""Networks of the user's own: found, held to their contract, and refused where no bundle could hold them."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spaces.errors import RunError
from spaces.space import Trunk
from spaces.study import Study
from tests.helpers.toys import config, measured

pytestmark = pytest.mark.usefixtures("keras")

SHAPE = (6, 3)
SOURCE = """
import keras
from keras import layers, ops

def leaves(inputs, width):
    raise SystemExit(0)

def plain(inputs, width):
    return layers.Dense(max(1, round(8 * width)), activation="gelu")(layers.Flatten()(inputs))

def operations(inputs, width):
    x = ops.concatenate([ops.sin(inputs), inputs[:, :, :1] * 2.0], axis=-1)
    return ops.where(ops.max(x, axis=1) > 0, ops.max(x, axis=1), ops.mean(x, axis=1) - 1)

def nested(inputs, width):
    inner = keras.Input((3,))
    functional = keras.Model(inner, layers.Dense(4)(ops.relu(inner)))
    x = layers.TimeDistributed(keras.Sequential([functional, layers.LayerNormalization()]))(inputs)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    return layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 4)(x, x))

def a_lambda(inputs, width):
    return layers.Flatten()(layers.Lambda(lambda x: x * 2)(inputs))

def lambda_within(inputs, width):
    inner = keras.Sequential([layers.Lambda(lambda x: x * 2, name="twice")])
    outer = keras.Sequential([layers.Dense(3), inner])
    return layers.Flatten()(layers.TimeDistributed(outer)(inputs))

class Twice(layers.Layer):
    def call(self, x):
        return x * 2

    def compute_output_shape(self, shape):
        return shape

@keras.saving.register_keras_serializable("mine")
class Thrice(layers.Layer):
    def call(self, x):
        return x * 3

class Whole(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(x)

class Cell(layers.SimpleRNNCell):
    pass

def bent(x):
    return x * ops.sigmoid(2 * x)

@keras.saving.register_keras_serializable("mine")
def registered(x):
    return x * 2

def relu(x):
    return x * 3

def a_layer(inputs, width):
    return layers.Flatten()(Twice()(inputs))

def a_registered_layer(inputs, width):
    return layers.Flatten()(Thrice()(inputs))

def a_layer_in_a_wrapper(inputs, width):
    return layers.Flatten()(layers.TimeDistributed(Twice())(inputs))

def a_cell(inputs, width):
    return layers.RNN(Cell(4))(inputs)

def a_model(inputs, width):
    return layers.Flatten()(Whole()(inputs))

def an_activation(inputs, width):
    return layers.Dense(4, activation=bent)(layers.Flatten()(inputs))

def a_registered_activation(inputs, width):
    return layers.Dense(4, activation=registered)(layers.Flatten()(inputs))

def an_initializer(inputs, width):
    ones = lambda shape, dtype: ops.ones(shape, dtype)
    return layers.Dense(4, kernel_initializer=ones)(layers.Flatten()(inputs))

def a_lambda_activation(inputs, width):
    return layers.Dense(4, activation=lambda x: x * 3)(layers.Flatten()(inputs))

def a_name_of_keras(inputs, width):
    return layers.Dense(4, activation=relu)(layers.Flatten()(inputs))

def three_axes(inputs, width):
    return layers.Dense(4)(inputs)

def unknown_units(inputs, width):
    return keras.Input((None,))

def an_array(inputs, width):
    import numpy
    return numpy.zeros((3, 4))

def nothing(inputs, width):
    layers.Flatten()(inputs)

def of_other_inputs(inputs, width):
    return layers.Dense(4)(keras.Input((3,)))

def wrong(inputs, width):
    raise ValueError("no such\\nthing")

def one_argument(inputs):
    return layers.Flatten()(inputs)

SHARED = layers.Dense(4, name="kept")

def shared(inputs, width):
    return SHARED(layers.Flatten()(inputs))

def takes_the_name(inputs, width):
    return layers.Dense(4, name="logits")(layers.Flatten()(inputs))

def ends_the_process(inputs, width):
    import os
    os._exit(3)

NUMBER = 3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the user's module; its name is taken by no other test."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "our_networks.py").write_text(SOURCE)
    (folder / "our_broken.py").write_text("def f(:\n")
    package = folder / "our_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("from our_networks import plain as again\n")
    return str(folder)


def chosen(name, folder, **changes):
    return config("sigmoid", "bce", trunk=name, folder=folder, width=1.0, **changes)


def check_here(name, folder):
    from search.networks.checks import build_once

    build_once(chosen(name, folder), SHAPE)


def answers(keras, model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


@pytest.mark.parametrize("name", ["plain", "operations", "nested"])
def test_networks_of_keras_own_parts_pass(folder, name):
    check_here(f"our_networks:{name}", folder)


def test_a_module_within_a_package_is_found(folder):
    check_here("our_package.inner:again", folder)


def test_the_width_of_the_study_reaches_the_function(folder):
    from search.networks import model

    narrow = chosen("our_networks:plain", folder).model_copy(update={"width": 0.5})
    assert model.build(narrow, SHAPE, "uint8").get_layer(model.LOGITS).input.shape == (None, 4)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("our_networks:absent", "trunk.name must name a function of our_networks, but it has no absent"),
        ("our_networks:NUMBER", "trunk.name must name a function of our_networks, but it has no NUMBER"),
        ("our_absent:f", "must name a module to import, but our_absent:f gave ModuleNotFoundError"),
        ("our_broken:f", "must name a module to import, but our_broken:f gave SyntaxError"),
        ("our_networks:wrong", "must build a network, but it raised ValueError: no such thing"),
        ("our_networks:leaves", "must build a network, but it raised SystemExit: 0"),
        ("our_networks:one_argument", "must build a network, but it raised TypeError"),
        ("our_networks:three_axes", "features of shape (batch, units), but they are (None, 6, 4)"),
        ("our_networks:unknown_units", "features of shape (batch, units), but they are (None, None)"),
        ("our_networks:an_array", "one Keras tensor made of its inputs, but it returned ndarray"),
        ("our_networks:nothing", "one Keras tensor made of its inputs, but it returned NoneType"),
        ("our_networks:of_other_inputs", "must build a network, but it gave ValueError"),
        ("our_networks:takes_the_name", "must build a network, but it gave ValueError"),
        ("our_networks:shared", "must make its layers anew each time it is called"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(folder, name, message):
    with pytest.raises(RunError) as caught:
        check_here(name, folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("a_lambda", "has one (lambda"),
        ("lambda_within", "has one (twice)"),
        ("a_lambda_activation", "must make a network that loads in safe mode, but it gave"),
        ("a_layer", "our_networks.Twice"),
        ("a_registered_layer", "our_networks.Thrice"),
        ("a_layer_in_a_wrapper", "our_networks.Twice"),
        ("a_cell", "our_networks.Cell"),
        ("a_model", "our_networks"),
        ("an_activation", "has bent (a function)"),
        ("a_registered_activation", "has mine>registered (a function)"),
        ("an_initializer", "Lambda"),
    ],
)
def test_what_no_bundle_could_hold_is_refused_with_what_to_use_instead(folder, name, part):
    with pytest.raises(RunError) as caught:
        check_here(f"our_networks:{name}", folder)
    message = str(caught.value)
    assert part in message
    assert "keras.ops on the tensors" in message
    assert "keras.layers" in message
    assert "\n" not in message


def test_a_function_with_the_name_of_one_of_keras_is_found_out(folder):
    """Keras saves it by its name, and loads its own."""
    with pytest.raises(RunError, match=r"the same when loaded, but its logits then differ by \d"):
        check_here("our_networks:a_name_of_keras", folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("our_networks:lambda_within", "which a Lambda does not"),
        ("our_networks:ends_the_process", "building it ended the process"),
    ],
)
def test_the_study_is_refused_from_a_process_that_has_never_seen_the_module(folder, name, message):
    from search.networks.checks import check_network, check_shape

    study = Study(trunk=Trunk(name=name, folder=folder))
    check_shape(study, SHAPE)
    with pytest.raises(RunError, match=message):
        check_network(study, SHAPE)


@pytest.mark.slow
def test_a_sound_study_passes_and_its_module_is_in_the_digest(folder, tmp_path):
    from search.networks.checks import check_network
    from search.networks.trunks import author_config, outside_digest

    study = Study(trunk=Trunk(name="our_networks:nested", folder=folder))
    check_network(study, SHAPE)
    assert author_config(study).folder == folder
    expected = hashlib.sha256(SOURCE.encode()).hexdigest()
    assert outside_digest(author_config(study), SHAPE) == expected


def test_a_digest_runs_nothing_and_names_a_module_that_is_not_there(folder):
    from search.networks import custom

    (Path(folder) / "our_untouched.py").write_text("raise SystemExit\n")
    assert (
        custom.digest(chosen("our_untouched:f", folder)) == hashlib.sha256(b"raise SystemExit\n").hexdigest()
    )
    for name in ("our_absent:f", "our_absent.inner:f"):
        with pytest.raises(RunError, match=f"{name} must name a module to import, but there is none in "):
            custom.digest(chosen(name, folder))


READER = """
import sys, keras, numpy
model = keras.saving.load_model(sys.argv[1], compile=False, safe_mode=True)
outputs = model.predict(numpy.load(sys.argv[2]), verbose=0)
assert not {"our_networks", "search", "spaces"} & set(sys.modules)
numpy.save(sys.argv[3], outputs["score"])
"""


@pytest.mark.slow
def test_its_bundle_is_read_where_neither_the_module_nor_we_are(keras, folder, tmp_path):
    from search.networks import export, model

    name = "our_networks:nested"
    network = model.build(chosen(name, folder), SHAPE, "float32")
    x = np.random.default_rng(0).normal(size=(5, *SHAPE)).astype(np.float32)
    raw = answers(keras, network, x)[:, 0]
    record = measured(name, "sigmoid", 0.0)
    record = record.model_copy(update={"ask": record.ask.model_copy(update={"config": chosen(name, folder)})})
    decider = export.deciding_model(record, network.get_weights(), SHAPE, "float32")
    export.save(decider, tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    command = [sys.executable, "-c", READER, "model.keras", "x.npy", "score.npy"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert np.ptp(raw) > 1e-3
    np.testing.assert_allclose(np.load(tmp_path / "score.npy"), 2 * raw + 1, rtol=1e-4, atol=1e-5)
