"""A saved model is read as data, within bounds; its last layers, losses and metrics are those of Keras."""

import io
import json
import math
import re
import warnings
import zipfile

import pytest

from audit import saved_models
from audit.files import audit_file
from audit.saved_models import ModelFileError, read


@pytest.fixture(scope="module")
def saved(keras, tmp_path_factory):
    """Models of every form, as Keras writes them."""
    from keras import layers, losses, metrics, ops

    home, x = tmp_path_factory.mktemp("saved"), keras.Input((4,))
    h = layers.Dense(8, activation="relu")(x)
    one = layers.Dense(1, activation="sigmoid", name="one")(h)
    three = layers.Dense(3, name="three")(h)
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(2, activation="tanh"), layers.Dropout(0.5)])

    def save(name, model, **compiled):
        if compiled:
            model.compile("sgd", **compiled)
        model.save(home / f"{name}.keras")

    row = [keras.Input((4,)), layers.Dense(1), layers.Dropout(0.1), layers.Activation("softmax")]
    told = ["accuracy", metrics.Precision(thresholds=0.3), metrics.AUC(multi_label=True), "mse"]
    save("row", keras.Sequential(row), loss="binary_crossentropy", metrics=told)
    save(
        "listed",
        keras.Model(x, [one, ops.softmax(three)]),
        loss=[losses.BinaryCrossentropy(from_logits=True), losses.sparse_categorical_crossentropy],
        metrics=[["accuracy"], [metrics.AUC(from_logits=True)]],
    )
    save("named", keras.Model(x, {"a": one, "b": three}), loss={"b": "mse"}, metrics={"a": "accuracy"})
    save("shared", keras.Model(x, [one, three]), loss="mse", metrics=["accuracy"])
    save("within", keras.Model(x, inner(layers.Dense(4)(x))), loss=["mse"])
    save("rounded", keras.Model(x, ops.round(one)), loss=losses.Hinge())
    save("plain", keras.Model(x, one))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that softmax over one unit is constant
        wrong = keras.Sequential([keras.Input((4,)), layers.Dense(1, activation="softmax")])
    save("wrong", wrong, loss="binary_crossentropy")
    save("leaky", keras.Model(x, layers.ReLU()(three)))
    return home


def ends(saved, name):
    """Of each output the layers: class, units, activation, whether columns change."""
    return [
        [(one.kind, one.units, one.activation, one.changes_columns) for one in output.layers]
        for output in read(saved / f"{name}.keras").outputs
    ]


def test_last_layers_are_read(saved):
    assert ends(saved, "row") == [[("Dense", 1, "linear", True), ("Activation", None, "softmax", False)]]
    assert ends(saved, "listed") == [
        [("Dense", 1, "sigmoid", True)],
        [("Dense", 3, "linear", True), ("Activation", None, "softmax", False)],
    ]
    assert ends(saved, "within") == [[("Dense", 2, "tanh", True)]]
    assert ends(saved, "leaky") == [[("Dense", 3, "linear", True), ("ReLU", None, "relu", False)]]
    [output] = read(saved / "rounded.keras").outputs
    assert [one.without_gradient for one in output.layers] == ["", "round"]
    assert [one.name for one in read(saved / "named.keras").outputs] == ["a", "b"]


def test_losses_and_metrics_are_those_of_each_output(saved):
    row = read(saved / "row.keras")
    assert [(one.name, one.from_logits) for one in row.losses] == [("binary_crossentropy", False)]
    assert [(one.name, one.threshold, one.one_column) for one in row.metrics[0]] == [
        ("accuracy", None, False),
        ("precision", 0.3, False),
        ("auc", None, True),
        ("mean_squared_error", None, False),
    ]
    listed = read(saved / "listed.keras")
    assert [(one.name, one.from_logits, one.called) for one in listed.losses] == [
        ("binary_crossentropy", True, True),
        ("sparse_categorical_crossentropy", False, False),
    ]
    assert [[(one.name, one.from_logits) for one in metrics] for metrics in listed.metrics] == [
        [("accuracy", False)],
        [("auc", True)],
    ]
    named = read(saved / "named.keras")
    assert [one and one.name for one in named.losses] == [None, "mean_squared_error"]
    assert [len(one) for one in named.metrics] == [1, 0]
    assert [one.name for one in read(saved / "shared.keras").losses] == ["mean_squared_error"] * 2
    assert [one.name for one in read(saved / "within.keras").losses] == ["mean_squared_error"]
    assert not read(saved / "plain.keras").trained
    assert row.trained


def test_a_wrong_model_is_found(saved):
    found = audit_file(saved / "wrong.keras")
    assert "HS101" in [one.rule.id for one in found.findings]
    assert {(one.line, one.column, one.cell) for one in found.findings} == {(1, 1, None)}
    assert audit_file(saved / "plain.keras").findings == ()


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in members.items():
            opened.writestr(name.replace("_json", ".json"), text)
    return path


def test_layers_of_keras_2_are_read(tmp_path):
    layers = [
        {"class_name": "InputLayer", "config": {"name": "x"}, "name": "x", "inbound_nodes": []},
        {
            "class_name": "Dense",
            "config": {"name": "d", "units": 2, "activation": "softmax"},
            "name": "d",
            "inbound_nodes": [[["x", 0, 0, {}]]],
        },
    ]
    config = {"layers": layers, "output_layers": [["d", 0, 0]]}
    held = {"class_name": "Functional", "config": config, "compile_config": {"loss": "mse", "metrics": None}}
    found = read(archive(tmp_path / "old.keras", config_json=json.dumps(held)))
    assert [(one.units, one.activation) for one in found.outputs[0].layers] == [(2, "softmax")]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("{", "a .keras file must hold a config.json that can be read, but gave: Expecting property name"),
        ("[]", "the config.json of a .keras file must be that of a model"),
        ("[" * 100_000, "a .keras file must hold a config.json that can be read, but gave: "),
        (None, "a .keras file must hold one config.json, but this holds 0"),
        (" " * (saved_models.MOST_BYTES + 1), "the config.json of a .keras file must have at most 64 MB"),
    ],
)
def test_a_config_that_cannot_be_read_says_why(tmp_path, held, said):
    members = {"other": ""} if held is None else {"config_json": held}
    with pytest.raises(ModelFileError, match=re.escape(said)):
        read(archive(tmp_path / "a.keras", **members))


def test_no_more_is_unpacked_than_the_bound(tmp_path, monkeypatch):
    """The archive says of its member that it is small."""
    monkeypatch.setattr("audit.saved_models.MOST_BYTES", 1000)
    raw = archive(tmp_path / "a.keras", config_json="x" * 5000).read_bytes()
    (tmp_path / "a.keras").write_bytes(raw.replace((5000).to_bytes(4, "little"), (900).to_bytes(4, "little")))
    with pytest.raises(ModelFileError, match=r"at most 0 MB|must be an archive|cannot be read"):
        read(tmp_path / "a.keras")


def test_two_configs_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as opened:
        opened.writestr("config.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            opened.writestr("config.json", "{}")
    with pytest.raises(ModelFileError, match=r"must hold one config.json, but this holds 2"):
        read(tmp_path / "a.keras")


def test_what_is_no_archive_says_so(tmp_path):
    (tmp_path / "a.keras").write_bytes(b"no archive")
    assert audit_file(tmp_path / "a.keras").error == (
        "a .keras file must be an archive, as model.save writes it, but gave: File is not a zip file"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("config.json", json.dumps(list(range(500))))
    raw = bytearray(buffer.getvalue())
    raw[60:80] = b"\xff" * 20
    (tmp_path / "a.keras").write_bytes(raw)
    assert "a .keras file must" in str(audit_file(tmp_path / "a.keras").error)


def test_hdf5_is_refused_with_the_reason(tmp_path):
    (tmp_path / "a.h5").touch()
    assert audit_file(tmp_path / "a.h5").error == (
        "is HDF5, which is not read here since a model of that form may hold code that runs as it loads; "
        "where you trust it, convert it: keras.saving.load_model('a.h5').save('a.keras')"
    )


def test_a_class_of_its_own_is_unknown(tmp_path):
    held = {"class_name": "Own", "config": {}, "registered_name": "Own", "compile_config": {"loss": "mse"}}
    found = audit_file(archive(tmp_path / "a.keras", config_json=json.dumps(held)))
    assert found.findings == ()
    assert found.unknown == (
        "its layers are not in the file: it was saved by a class of its own, whose code is not run",
    )


def dense(**settings):
    return {"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", **settings}}


@pytest.mark.parametrize(
    ("layer", "activation"),
    [
        (dense(units=1, activation="sigmoid"), "sigmoid"),
        (dense(units=1, activation="swish"), "silu"),
        (dense(units=1, activation={"class_name": "function", "config": "softmax"}), "softmax"),
        (dense(units=1, activation={"class_name": "Own", "config": {}}), None),
        (dense(units=1, activation="own"), None),
        (dense(units=1) | {"module": "my.layers", "registered_name": "my>Dense"}, None),
        ({"class_name": "Lambda", "module": "keras.layers", "config": {"name": "l"}}, None),
        ("nonsense", None),
    ],
)
def test_an_activation_that_is_not_known_stays_unknown(tmp_path, layer, activation):
    held = {"class_name": "Sequential", "config": {"layers": [layer]}}
    [output] = read(archive(tmp_path / "a.keras", config_json=json.dumps(held))).outputs
    assert output.layers[-1].activation == activation


@pytest.mark.parametrize(("given", "cut"), [(0.3, 0.3), ([0.3], 0.3), (None, None), ([0.2, 0.5], math.nan)])
def test_thresholds_of_a_metric(tmp_path, given, cut):
    metric = {"class_name": "Recall", "module": "keras.metrics", "config": {"thresholds": given}}
    held = {
        "class_name": "Sequential",
        "config": {"layers": [dense(units=1)]},
        "compile_config": {"loss": "mse", "metrics": [metric]},
    }
    found = read(archive(tmp_path / "a.keras", config_json=json.dumps(held))).metrics[0][0].threshold
    assert found == cut or (math.isnan(cut) and math.isnan(found))
