"""One decision in three formats: Keras, SavedModel and ONNX agree for every head, each without our code."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from cluster.cli import main
from reports.bundles import picking, promotion
from reports.bundles.bundle import load, outputs
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
from spaces.heads import HEADS
from tests.conftest import ROOT
from tests.helpers.driving import write_study
from tests.helpers.shipping import NOTHING_OF_OURS, copied, train, validation
from tests.helpers.toys import LOSS_OF

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("keras")]

PROBABILITY = 1e-5
CALLERS = {
    "keras": """
        import keras
        model = keras.saving.load_model(folder + "/model.keras", compile=False, safe_mode=True)
        said = model.predict(x, batch_size=512, verbose=0)
    """,
    "SavedModel": """
        import tensorflow as tf
        model = tf.saved_model.load(folder + "/saved_model")
        said = {name: values.numpy() for name, values in model.serve(x).items()}
    """,
    "ONNX": """
        import onnxruntime
        session = onnxruntime.InferenceSession(folder + "/model.onnx")
        names = [output.name for output in session.get_outputs()]
        said = dict(zip(names, session.run(names, {"x": x})))
    """,
    "LiteRT": """
        import tensorflow as tf
        interpreter = tf.lite.Interpreter(folder + "/model.tflite")
        said = interpreter.get_signature_runner()(x=x)
    """,
}
"""What a caller of each format does with `folder` and `x`; it leaves `said`."""
TOGETHER = (("SavedModel", "LiteRT", "keras"), ("ONNX",))
"""Who calls in one process: SavedModel and LiteRT do without Keras, ONNX without TensorFlow."""
ALONE = f"""
import json, sys
import numpy as np
{NOTHING_OF_OURS}
for caller in sys.argv[1:]:
    for folder, rows, out in json.load(open(caller + ".json")):
        x = np.load(rows)
        exec(open(caller + ".py").read())
        np.savez(out, **said)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory, keras) -> dict[str, RunFolder]:
    """One trained trial of every head, of a small mlp and of a small seizure CNN."""
    folder = tmp_path_factory.mktemp("trained")
    pairs = list(LOSS_OF.items())
    mlp, seizure = RunFolder(folder / "mlp" / "runs" / "toy"), RunFolder(folder / "cnn" / "runs" / "toy")
    data = {"source": "npz", "path": str(folder / "mlp" / "data.npz"), "group": "group"}
    train(mlp, write_study(folder / "mlp", {"data": data}), pairs)
    simulated = {"source": "simulated_eeg", "patients": 10, "windows": 60}
    trunk = {"name": "seizure_cnn", "width": 0.25}
    study = write_study(folder / "cnn", {"data": simulated, "trunk": trunk, "training": {"epochs": 2}})
    train(seizure, study, pairs, trunk="seizure_cnn", width=0.25, learning_rate=0.003)
    return {"mlp": mlp, "seizure_cnn": seizure}


@pytest.fixture(scope="module")
def bundles(runs, tmp_path_factory) -> dict[tuple[str, str], Path]:
    """A bundle of every trial."""
    folder, found = tmp_path_factory.mktemp("bundles"), {}
    for trunk, run in runs.items():
        for number, head in enumerate(LOSS_OF):
            to = found[trunk, head] = folder / f"{trunk}-{head}"
            promotion.promote(run, picking.pick(run, f"{number:05d}"), to)
    return found


@pytest.fixture(scope="module")
def said(runs, bundles, tmp_path_factory) -> dict[str, dict]:
    """What each format of each bundle says, without our code, of validation rows and of far larger ones."""
    folder, rng = tmp_path_factory.mktemp("callers"), np.random.default_rng(0)
    for trunk, run in runs.items():
        x = validation(run)
        wild = 30 * rng.normal(size=(300, *x.shape[1:])).astype(np.float32)
        np.save(folder / f"{trunk}.npy", np.concatenate([x, wild]))
    (folder / "alone.py").write_text(ALONE)
    for name, caller in CALLERS.items():
        (folder / f"{name}.py").write_text(re.sub(r"^ {8}", "", caller, flags=re.M))
        work = [
            (str(bundle), f"{trunk}.npy", f"{name}-{trunk}-{head}.npz")
            for (trunk, head), bundle in bundles.items()
        ]
        (folder / f"{name}.json").write_text(json.dumps(work))
    for names in TOGETHER:
        command = [sys.executable, "-I", "alone.py", *names]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
        assert ended.returncode == 0, ended.stderr[-2000:]
    found = {}
    for name in CALLERS:
        for trunk, head in bundles:
            with np.load(folder / f"{name}-{trunk}-{head}.npz") as arrays:
                found[name, trunk, head] = dict(arrays)
    return found


def test_all_formats_of_a_bundle_decide_alike_for_every_head(bundles, said):
    assert {head for _, head in bundles} == HEADS.keys()
    print("\nlargest differences from Keras, in a process without our code")
    print(f"{'network':12} {'head':13} {'format':11} rows  score    probability  labels that differ (sure)")
    for trunk, head in bundles:
        keras = said["keras", trunk, head]
        decision = yaml.safe_load((bundles[trunk, head] / "config.yaml").read_text())["decision"]
        score = keras["score"].astype(np.float64)
        assert 0 < keras["label"].sum() < len(score)
        np.testing.assert_array_equal(
            keras["label"] == 1, keras["score"] >= np.float32(decision["threshold_score"])
        )
        sure = np.abs(score - decision["threshold_score"]) > 1e-5 * (1 + np.abs(score))
        for name in ("SavedModel", "ONNX", "LiteRT"):
            other = said[name, trunk, head]
            assert other["score"].dtype == other["probability"].dtype == np.float32
            apart = {key: np.abs(other[key] - keras[key].astype(np.float64)).max() for key in other}
            differ = other["label"] != keras["label"]
            print(
                f"{trunk:12} {head:13} {name:11} {len(score)}  {apart['score']:.1e}  "
                f"{apart['probability']:.1e}      {differ.sum()} ({(differ & sure).sum()})"
            )
            assert apart["probability"] <= PROBABILITY
            assert not (differ & sure).any()


def test_no_format_decides_on_rows_that_are_not_finite(runs, bundles):
    from search.networks.export import FORMATS

    for (trunk, _), bundle in bundles.items():
        rows = np.repeat(validation(runs[trunk])[:1], 5, axis=0)
        sound, values = rows[4:].copy(), rows.reshape(5, -1)
        values[0, 3], values[1], values[2, 1], values[3, 0] = np.nan, np.nan, np.inf, -np.inf
        keras = load(bundle).model
        expected = keras.predict_on_batch(sound)
        for run in (keras.predict_on_batch, *(one.read(bundle / one.name) for one in FORMATS[:3])):
            said = run(rows)
            assert np.isnan(said["score"][:4]).all()
            assert np.isnan(said["probability"][:4]).all()
            assert said["label"].tolist() == [-1] * 4 + expected["label"].tolist()
            np.testing.assert_allclose(said["probability"][4:], expected["probability"], atol=PROBABILITY)


def test_a_model_that_decides_on_nan_is_refused(runs):
    from search.networks.agreement import check_unfinite

    x = validation(runs["mlp"])

    def relu_without_nan(rows):
        score = np.maximum(np.nan_to_num(rows), 0).sum(axis=1)
        return {"probability": 1 / (1 + np.exp(-score)), "label": (score >= 1).astype(np.int32)}

    with pytest.raises(
        RunError, match=r"^model.onnx must give NaN and the label -1 for rows that hold NaN or"
    ):
        check_unfinite("model.onnx", relu_without_nan, x)


def test_the_bundle_loaded_by_us_says_the_same(runs, bundles, said):
    for trunk, head in bundles:
        x = validation(runs[trunk])
        table = load(bundles[trunk, head]).predict(x)
        alone = said["keras", trunk, head]
        np.testing.assert_allclose(table["score"].to_numpy(), alone["score"][: len(x)], rtol=1e-5, atol=1e-6)


def test_config_and_card_tell_of_the_exports(bundles):
    bundle = bundles["mlp", "sigmoid"]
    exports = yaml.safe_load((bundle / "config.yaml").read_text())["exports"]
    assert [one["name"] for one in exports] == ["saved_model", "model.onnx", "model.tflite"]
    for one in exports:
        assert one["compared_rows"] > 50
        assert one["probability_difference"] <= PROBABILITY
        assert one["left_out"] is None
        assert f"- {one['name']}: says what model.keras says: on " in (bundle / "MODEL_CARD.md").read_text()


def test_config_and_card_name_the_versions_that_read_each_form(bundles):
    bundle = bundles["mlp", "sigmoid"]
    found = yaml.safe_load((bundle / "config.yaml").read_text())["readers"]
    assert [(one["name"], one["library"], one["least"]) for one in found] == [
        ("model.keras", "keras", "3.4.0"),
        ("saved_model", "tensorflow", "2.12.1"),
        ("model.onnx", "onnxruntime", "1.15.0"),
        ("model.tflite", "ai-edge-litert", "1.1.2"),
    ]
    card = (bundle / "MODEL_CARD.md").read_text()
    assert "\n- model.keras needs keras 3.4.0 or later; tried on 2026-11-28\n" in card
    assert "\n- model.onnx needs onnxruntime 1.15.0 or later (opset 15, IR version 8); tried on" in card


def test_the_callers_of_the_docs_work(runs, bundles, tmp_path, monkeypatch, capsys):
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "bundles.md").read_text(encoding="utf-8"), flags=re.S
    )
    assert len(blocks) == 6  # the last two need libraries that are not installed here: see tests/versions.py
    (tmp_path / "bundle").symlink_to(bundles["mlp", "softmax"])
    x = validation(runs["mlp"])
    np.savez(tmp_path / "new.npz", X=x)
    monkeypatch.chdir(tmp_path)
    expected = load(tmp_path / "bundle").predict(x)
    for block, file in zip(blocks[:4], ("", "model.keras", "saved_model", "model.onnx"), strict=True):
        assert file in block
        assert len([line for line in block.splitlines() if line]) <= 5
        found: dict = {}
        exec(block, found)
        label, probability = np.asarray(found["label"]), np.asarray(found["probability"])
        np.testing.assert_array_equal(label, expected["label"].to_numpy())
        np.testing.assert_allclose(probability, expected["probability"].to_numpy(), atol=PROBABILITY)
        assert str(label[0]) in capsys.readouterr().out
    (short,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S
    )
    exec(short, {})
    assert str(expected["label"].to_numpy()[0]) in capsys.readouterr().out


@pytest.fixture(scope="module")
def deciding(runs):
    """A deciding model, another with a moved calibration, and what the first says of the validation rows."""
    from search.networks import export

    run = runs["mlp"]
    record, x = run.record("00000"), validation(run)
    moved = record.model_copy(update={"calibration_b": record.calibration_b + 0.01})
    model, other = (
        export.deciding_model(one, run.weights("00000"), (4,), "float32") for one in (record, moved)
    )
    other.predict(x, verbose=0)
    return model, other, x, outputs(model, x), record.threshold_score


def onnx(write):
    from search.networks.export import FORMATS, Format

    return (Format(name="model.onnx", write=write, reader="onnxruntime", read=FORMATS[1].read),)


def test_an_export_that_decides_otherwise_is_refused(deciding, tmp_path):
    from search.networks.deciders import at_threshold
    from search.networks.export import FORMATS, export

    model, other, x, expected, cut = deciding
    wrong = onnx(lambda _, path: FORMATS[1].write(other, path))
    with pytest.raises(RunError, match=r"^model.onnx must give the probabilities of model.keras to 1e-05, but"
                       r" they differ by up to 0.00\d+; --force leaves it out$") as caught:  # fmt: skip
        export(model, tmp_path, x, expected, at_threshold(cut).margin, formats=wrong)
    assert caught.value.exit_code == 1
    (left_out,) = export(model, tmp_path, x, expected, at_threshold(cut).margin, force=True, formats=wrong)
    assert left_out.forced
    assert left_out.left_out.startswith("model.onnx must give the probabilities of model.keras")
    assert not list(tmp_path.iterdir())


def test_an_export_that_cannot_be_written_is_refused(deciding, tmp_path):
    from search.networks.deciders import at_threshold
    from search.networks.export import export

    model, _, x, expected, cut = deciding

    def broken(model, path):
        path.write_bytes(b"half")
        raise NotImplementedError("this layer\nis not known")

    with pytest.raises(
        RunError, match="gave NotImplementedError: this layer is not known; --force leaves it"
    ):
        export(model, tmp_path, x, expected, at_threshold(cut).margin, formats=onnx(broken))


def test_an_export_that_nothing_reads_is_not_said_to_agree(deciding, tmp_path):
    from search.networks.deciders import at_threshold
    from search.networks.export import FORMATS, Format, export

    model, _, x, expected, cut = deciding
    unread = Format(name="model.onnx", write=FORMATS[1].write, reader="no_such_library", read=FORMATS[1].read)
    (found,) = export(model, tmp_path, x, expected, at_threshold(cut).margin, formats=(unread,))
    assert (found.compared_rows, found.left_out) == (0, None)
    assert (tmp_path / "model.onnx").is_file()


def test_an_optional_form_that_fails_is_left_out_and_the_card_says_why(deciding, tmp_path):
    from search.networks.deciders import at_threshold
    from search.networks.export import FORMATS, export

    model, other, x, expected, cut = deciding
    litert = FORMATS[2]
    wrong = replace(litert, write=lambda _, path: litert.write(other, path))
    (left_out,) = export(model, tmp_path, x, expected, at_threshold(cut).margin, formats=(wrong,))
    assert not left_out.forced
    assert left_out.left_out.startswith(
        "model.tflite must give the probabilities of model.keras to 1e-05, but"
    )
    assert not list(tmp_path.iterdir())


def test_a_network_that_litert_cannot_hold_is_shipped_without(keras, tmp_path):
    """Its operations are those of every LiteRT runtime: none of TensorFlow's own."""
    from search.networks.deciders import at_threshold
    from search.networks.export import FORMATS, OUTPUTS, export

    inputs = keras.Input((8,), dtype="int32", name="x")
    rows = keras.ops.cast(inputs, "float32")[:, None]
    score = keras.ops.sum(keras.ops.fft2((rows, rows))[0], axis=(1, 2))
    label = keras.ops.cast(score > 0, "int32")
    said = {"score": score, "probability": keras.ops.sigmoid(score), "label": label}
    model, x = keras.Model(inputs, said), np.ones((3, 8), np.int32)
    assert said.keys() == OUTPUTS
    (found,) = export(
        model, tmp_path, x, model.predict_on_batch(x), at_threshold(0.0).margin, formats=FORMATS[2:3]
    )
    assert found.left_out.startswith("model.tflite must be written and read back, but that gave ")


def test_other_backends_leave_the_exports_out(deciding, tmp_path, monkeypatch):
    import keras

    from search.networks.deciders import at_threshold
    from search.networks.export import export

    model, _, x, expected, cut = deciding
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    found = export(model, tmp_path, x, expected, at_threshold(cut).margin)
    assert [one.left_out for one in found] == [
        "the Keras backend here is jax, and only TensorFlow's networks are exported"
    ] * 3
    assert not any(one.forced for one in found)
    assert not list(tmp_path.iterdir())


def said_of(score, cut: float) -> dict[str, np.ndarray]:
    score = np.asarray(score, np.float32)
    probability = (1 / (1 + np.exp(-score.astype(np.float64)))).astype(np.float32)
    return {"score": score, "probability": probability, "label": (score >= np.float32(cut)).astype(np.int32)}


def test_labels_may_differ_at_the_threshold_and_nowhere_else(keras):
    from search.networks.agreement import check_agreement
    from search.networks.deciders import at_threshold

    expected = said_of([-3, 0.5, 0.500001, 2], 0.5)
    came = said_of([-3, 0.499999, 0.500001, 2], 0.5)
    assert 0 < check_agreement("x", came, expected, at_threshold(0.5).margin) < 1e-6
    came["label"] = np.array([0, 0, 1, 0], np.int32)
    with pytest.raises(RunError, match=r"^x must decide as model.keras does, but 1 of 2 labels are others$"):
        check_agreement("x", came, expected, at_threshold(0.5).margin)
    with pytest.raises(RunError, match="differ by up to nan"):
        check_agreement("x", said_of([-3, np.nan, 0.5, 2], 0.5), expected, at_threshold(0.5).margin)
    del came["label"]
    with pytest.raises(RunError, match="x must return"):
        check_agreement("x", came, expected, at_threshold(0.5).margin)


def test_promote_stops_before_the_test_split_is_opened_where_an_export_fails(
    runs, tmp_path, monkeypatch, capsys
):
    from search.networks import agreement

    made = copied(runs["mlp"], tmp_path / "runs" / "toy")
    (tmp_path / "prepared").symlink_to(runs["mlp"].prepared)
    monkeypatch.setattr(agreement, "PROBABILITY_TOLERANCE", -1.0)
    to = tmp_path / "bundle"
    assert main(["promote", str(made.path), "--to", str(to)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("search.py: saved_model must give the probabilities of model.keras")
    assert not to.exists()
    assert not (tmp_path / "runs" / "test_opened.json").exists()
    assert main(["promote", str(made.path), "--to", str(to), "--force"]) == 0
    assert "beside model.keras: saved_model is left out (saved_model must give" in capsys.readouterr().out
    assert sorted(path.name for path in to.iterdir()) == [
        "MODEL_CARD.md", "SHA256SUMS", "config.yaml", "model.keras"
    ]  # fmt: skip
    card = (to / "MODEL_CARD.md").read_text().splitlines()
    assert card[2].startswith("**FORCED: saved_model must give the probabilities")
    assert len(load(to).predict(validation(made))) == len(made.reference().y)
