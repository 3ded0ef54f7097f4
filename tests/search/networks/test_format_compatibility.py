"""What reads the forms of a bundle: the versions that are promised, and what older Keras would refuse."""

import json
import re
import zipfile
from importlib.metadata import version

import numpy as np
import pytest

from search.networks import format_compatibility
from search.networks.format_compatibility import LIBRARIES, MEASURED
from tests.conftest import ROOT

HERE = {name: format_compatibility._installed(library) for name, library in LIBRARIES.items()}


def config_of(path) -> str:
    with zipfile.ZipFile(path) as file:
        return file.read("config.json").decode()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, keras):
    """A small deciding model in every form."""
    from search.networks import export, model
    from tests.helpers.toys import measured

    folder, record = tmp_path_factory.mktemp("forms"), measured("seizure_cnn", "softmax", 0.0)
    network = model.build(record.ask.config, (18, 7, 1), "float32")
    decider = export.deciding_model(record, network.get_weights(), (18, 7, 1), "float32")
    export.save(decider, folder / "model.keras")
    for form in (one for one in export.FORMATS if one.name in LIBRARIES):
        form.write(decider, folder / form.name)
    decider.save(folder / "plain.keras")
    return folder


def test_the_versions_of_each_form_are_those_that_were_tried(bundle):
    found = format_compatibility.readers(bundle, "seizure_cnn")
    assert [(one.name, one.library, one.least, one.measured_on) for one in found] == [
        ("model.keras", "keras", "3.4.0", "2026-11-28"),
        ("saved_model", "tensorflow", "2.12.1", "2026-11-28"),
        ("model.onnx", "onnxruntime", "1.15.0", "2026-11-28"),
        ("model.tflite", "ai-edge-litert", "1.1.2", "2026-11-28"),
    ]
    versions = [(None, None), (None, None), (15, 8), (None, None)]
    assert [(one.opset, one.ir_version) for one in found] == versions


def test_what_was_not_tried_is_not_promised(bundle, monkeypatch):
    found = format_compatibility.readers(bundle, "networks:mine")
    assert {one.name: one.least for one in found} == HERE
    assert {one.measured_on for one in found} == {None}
    monkeypatch.setattr(
        format_compatibility, "version", lambda name: "99.1" if name == "keras" else version(name)
    )
    found = format_compatibility.readers(bundle, "seizure_cnn")
    assert {one.name: one.least for one in found} == {**HERE, "model.keras": "99.1"}
    assert {one.measured_on for one in found} == {None}


def test_forms_that_were_left_out_have_no_readers(tmp_path):
    (tmp_path / "model.keras").touch()
    assert [one.name for one in format_compatibility.readers(tmp_path, "mlp")] == ["model.keras"]


def test_the_pins_are_the_versions_that_wrote_what_was_tried():
    """With other pins, `make versions` is run again, and its table stands in that module and in the docs."""
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for name, wrote in MEASURED.written_by.items():
        assert f"\n{name}=={wrote}\n" in pins
    page = (ROOT / "docs" / "bundles.md").read_text(encoding="utf-8")
    for name, library in LIBRARIES.items():
        assert re.search(rf"^\| `{name}.*\| {library} {re.escape(MEASURED.least[name])} or later", page, re.M)
    assert f"tried on {MEASURED.on} by `make versions`" in page


def test_the_keras_file_says_nothing_that_older_keras_refuses(bundle):
    plain, kept = config_of(bundle / "plain.keras"), config_of(bundle / "model.keras")
    for name in format_compatibility.UNUSED:
        assert f'"{name}"' in plain, f"Keras no longer writes {name}"
        assert f'"{name}"' not in kept
    operations = [one for one in json.loads(kept)["config"]["layers"] if "ops" in one["module"]]
    assert {"All", "Cast", "Subtract"} < {one["class_name"] for one in operations}
    assert not any("name" in one["config"] for one in operations)


def test_operations_of_any_network_have_no_name_that_older_keras_refuses(tmp_path, keras):
    """Of a trunk with a mask, and of a network of the user's own."""
    inputs = keras.Input((5, 3))
    hidden = keras.layers.LSTM(2)(keras.layers.Masking()(inputs))
    outputs = keras.ops.max(keras.ops.stack([hidden, keras.ops.mean(inputs, axis=1)[:, :2]], axis=1), axis=1)
    network, path, x = keras.Model(inputs, outputs), tmp_path / "own.keras", np.ones((2, 5, 3), np.float32)
    network.save(path)
    format_compatibility.keep_readable(path)
    operations = [one for one in json.loads(config_of(path))["config"]["layers"] if "ops" in one["module"]]
    assert {"Any", "Max", "Mean", "Stack"} < {one["class_name"] for one in operations}
    assert not any("name" in one["config"] for one in operations)
    np.testing.assert_array_equal(keras.saving.load_model(path)(x), network(x))


def test_the_keras_file_holds_the_same_model(bundle, keras):
    x = np.random.default_rng(0).normal(size=(20, 18, 7, 1)).astype(np.float32)
    one, other = (keras.saving.load_model(bundle / name) for name in ("plain.keras", "model.keras"))
    for name, values in one.predict_on_batch(x).items():
        np.testing.assert_array_equal(other.predict_on_batch(x)[name], values)


def test_a_setting_that_is_used_stays(tmp_path, keras):
    path, inputs = tmp_path / "used.keras", keras.Input((4,))
    keras.Model(inputs, keras.layers.BatchNormalization(renorm=True)(inputs)).save(path)
    format_compatibility.keep_readable(path)
    assert '"renorm": true' in config_of(path)
    assert '"renorm_momentum"' not in config_of(path)  # of the layer's own value
    assert keras.saving.load_model(path).layers[-1].renorm is True
