"""The command `judge`: a model and rows in, a run, a bundle and a study out; a wrong call is one line."""

import subprocess
import sys
import warnings

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import scipy.io
import yaml

from cluster.cli import main
from search.runs.run_folder import RunFolder
from spaces.study_file import read
from tests.conftest import ROOT
from tests.helpers import last_layers
from tests.helpers.last_layers import dense, save

pytestmark = pytest.mark.usefixtures("keras")

GIVEN = ["--data", "rows.npz", "--y", "label", "--positive", "seizure", "--group", "patient", "--to", "out"]


@pytest.fixture(scope="module")
def home(keras, tmp_path_factory):
    """A folder with rows, and models that are and are not to be judged."""
    from keras import layers, ops

    home = tmp_path_factory.mktemp("judge")
    x, y, groups = last_layers.rows()
    np.savez(
        home / "rows.npz",
        X=x,
        label=np.where(y, "seizure", "background"),
        patient=groups,
        recording=groups,
        start=np.arange(300) % 30 * 2.0,
        short=x[:, :3],
    )
    write_forms(home)
    steps = keras.Sequential([keras.Input((2, 2)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    steps.set_weights(dense(1).get_weights())
    save(home, steps, "steps.keras", loss="binary_crossentropy")
    save(home, dense(1, "sigmoid"), "good.keras", loss="binary_crossentropy", metrics=["accuracy"])
    inputs = keras.Input((4,))
    one = layers.Dense(1, activation="sigmoid")(inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(home, keras.Sequential([keras.Input((4,)), layers.Lambda(lambda v: v[:, :1])]), "lambda.keras")
        dense(1, "sigmoid").save(home / "old.h5")
    save(
        home, keras.Sequential([keras.Input((4,)), Twice(keras)(name="twice"), layers.Dense(1)]), "own.keras"
    )
    save(home, keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")]), "three.keras")
    save(home, keras.Model(inputs, [one, ops.square(one)]), "two_outputs.keras")
    dense(1).save_weights(home / "kept.weights.h5")
    (home / "saved").mkdir()
    (home / "saved/saved_model.pb").touch()
    (home / "text.keras").write_text("no archive")
    (home / "taken").mkdir()
    (home / "taken/file").touch()
    return home


def write_forms(home):
    """The same rows as a table, and as arrays of other kinds."""
    with np.load(home / "rows.npz") as opened:
        arrays = {name: opened[name] for name in opened.files if name != "short"}
    x = arrays.pop("X")
    table = {f"x{k}": x[:, k].astype(np.float64) for k in range(4)} | arrays
    table["third"] = np.array(["a", "b", "c"])[np.arange(300) % 3]
    pa.csv.write_csv(pa.table(table), str(home / "rows.csv"))
    pq.write_table(pa.table(table), home / "rows.parquet")
    arrays["X"] = x
    scipy.io.savemat(home / "rows.mat", arrays)
    with h5py.File(home / "rows.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array.astype("S") if array.dtype.kind == "U" else array
    (home / "rows").mkdir()
    for name, array in arrays.items():
        np.save(home / "rows" / f"{name}.npy", array)


def Twice(keras):
    class Twice(keras.layers.Layer):
        def call(self, x):
            return x * 2

    return Twice


WRONG = [
    ("nowhere.keras", [], "a model is a .keras file, but nowhere.keras is not there"),
    ("old.h5", [], "where you trust it, convert it: keras.saving.load_model('old.h5').save('old.keras')"),
    ("saved", [], "saved is a SavedModel, a graph without layers; save the model it was exported from"),
    ("kept.weights.h5", [], "holds weights alone; build the model, load them with model.load_weights"),
    ("text.keras", [], "a model is a .keras file, as model.save('model.keras') writes it, but got text"),
    ("rows.npz", [], "a model is a .keras file, as model.save('model.keras') writes it, but got rows.npz"),
    ("lambda.keras", [], "which a Lambda does not, but lambda.keras has one"),
    ("own.keras", [], "but own.keras has twice (tests.cluster.commands.test_judge.Twice); write it with"),
    ("three.keras", [], "decided by one or two units, but a row of three.keras puts out (3,): 3 classes"),
    ("two_outputs.keras", [], "a model must have one output to be judged, but two_outputs.keras has 2"),
    ("good.keras", ["--x", "short"], "takes rows of shape (4,), but those of short have (3,)"),
    ("good.keras", ["--x", "x"], "search.py: --x must name an array of rows.npz, but 'x' is not among"),
    ("good.keras", ["--data", "no.npz"], "search.py: --data must exist, but there is no"),
    ("good.keras", ["--positive", "ictal"], "search.py: --positive must be one of the labels"),
    ("good.keras", ["--loss", "crossentropy"], "loss must be one of"),
    ("good.keras", ["--loss", "bce,logits"], "--loss takes a loss, or one with from_logits=true or false"),
    ("good.keras", ["--head", "sigmoit"], "head must be one of"),
    (
        "good.keras",
        ["--head", "softmax"],
        "ends with, Dense(1, sigmoid), but got softmax (Dense(2, softmax))",
    ),
    ("good.keras", ["--to", "taken"], "goes to a new or empty folder, but taken is taken (--to)"),
    ("good.keras", ["--policy", "max_f2"], "must be one of"),
    ("good.keras", ["--policy", "sensitivity_at_fa_per_day,fa_per_day=2"], "needs recordings"),
    ("good.keras", ["--require", "sensitivity"], "--require takes METRIC.min=NUMBER"),
    (
        "good.keras",
        ["--set", "data.source=bonn"],
        "of a table or of arrays, so data.source must stay as it is, but got --set data.source=bonn",
    ),
    ("good.keras", ["--x", "X", "--x", "short"], "--x names one array of inputs, but got X, short"),
    ("good.keras", ["--data", "rows.csv"], "--x must name the columns of the inputs, such as --x 'x*'"),
    (
        "good.keras",
        ["--data", "rows.csv", "--x", "z*"],
        "--x must name columns of rows.csv, or patterns such",
    ),
    (
        "good.keras",
        ["--data", "rows.csv", "--x", "x*", "--y", "third"],
        "here, but 'third' has 3: 'a', 'b', 'c'",
    ),
    (
        "good.keras",
        ["--data", "rows.csv", "--x", "x*", "--set", "data.positive=[seizure]"],
        "judge takes labels of two values, so one is positive, but --positive lists several",
    ),
    (
        "steps.keras",
        ["--data", "rows.csv", "--x", "x*"],
        "takes rows of shape (2, 2), but those of rows.csv have (4,); columns are its steps and channels by "
        "--set data.shape=[2,2]",
    ),
    ("good.keras", ["--window-s", "0.0009"], "must be greater than or equal to 0.001"),
    (
        "good.keras",
        ["--window-s", "0"],
        "must be greater than or equal to 0.001, but got 0.0 (judge: --window-s)",
    ),
    ("good.keras", ["--y", "labels"], "--y must name an array of rows.npz, but 'labels' is not among"),
    ("good.keras", ["--group", "group"], "--group must name an array of rows.npz, but 'group' is not"),
    ("good.keras", ["--time", "time"], "--time must name an array of rows.npz, but 'time' is not among"),
    (
        "good.keras",
        ["--positive", "Seizure"],
        '"seizure" differs in spaces or capitals alone (rows.npz: label)',
    ),
    ("good.keras", ["--positive", "1"], "but got 1; e.g. --positive seizure (rows.npz: label)"),
    ("good.keras", ["--positive", "a: b"], 'but got "a: b" (rows.npz: label)'),
    (
        "good.keras",
        ["--recording", "recording", "--time", "start", "--window-s", "200"],
        "(rows.npz: --time); give seconds, correct --window-s, or state --set data.step_s, the",
    ),
    (
        "good.keras",
        ["--set", "data.seizures=short"],
        "--set data.seizures needs --recording, --time and --window-s, to tell when short happened",
    ),
]


@pytest.mark.parametrize(("model", "options", "message"), WRONG, ids=lambda one: str(one)[:40])
def test_a_wrong_call_is_one_line(home, monkeypatch, capsys, model, options, message):
    monkeypatch.chdir(home)
    before = sorted(home.rglob("*"))
    assert main(["judge", model, *GIVEN, *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert sorted(home.rglob("*")) == before


def test_without_a_positive_label_the_option_is_named(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    given = [one for one in GIVEN if one not in ("--positive", "seizure")]
    assert main(["judge", "good.keras", *given]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "search.py: --positive is required unless labels are 0/1 or false/true, but the labels are "
        '"background", "seizure"; name the positive one, e.g. --positive seizure (rows.npz: label)'
    ]


@pytest.fixture(scope="module")
def out(home):
    """The folder of a judged model."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(home)
        events = ["--recording", "recording", "--time", "start", "--window-s", "2"]
        assert main(["judge", "good.keras", *GIVEN, *events, "--policy", "youden", "--policy", "max_f1"]) == 0
    return home / "out"


@pytest.mark.parametrize("form", ["rows.csv", "rows.parquet", "rows.mat", "rows.h5", "rows"])
def test_rows_are_read_in_whatever_form_they_are(form, out, home, monkeypatch, capsys, tmp_path):
    """The same rows, so the same scores and the same value."""
    monkeypatch.chdir(home)
    table = form in ("rows.csv", "rows.parquet")
    given = [*GIVEN[2:-1], str(tmp_path / "out"), "--data", form, *(["--x", "x*"] if table else [])]
    events = ["--recording", "recording", "--time", "start", "--window-s", "2"]
    assert main(["judge", "good.keras", *given, *events, "--policy", "youden"]) == 0
    made = RunFolder(tmp_path / "out")
    np.testing.assert_array_equal(made.scores("00000")[0], RunFolder(out).scores("00000")[0])
    columns = ["value", "threshold_score", "val_event_sensitivity", "val_fa_per_day"]
    found, expected = (
        pq.read_table(one / "leaderboard.parquet", columns=columns) for one in (made.path, out)
    )
    assert found.to_pylist() == expected.to_pylist()
    study = read(made.path / "heads.yaml")
    assert study.data.path == str(home / form)
    assert main(["predict", str(made.path / "decision"), form, "--out", str(tmp_path / "said.parquet")]) == 0
    said = pq.read_table(tmp_path / "said.parquet")["label"].to_pylist()
    assert main(["predict", str(out / "decision"), "rows.npz", "--out", str(tmp_path / "npz.parquet")]) == 0
    assert said == pq.read_table(tmp_path / "npz.parquet")["label"].to_pylist()


def test_columns_become_steps_and_channels(out, home, monkeypatch, tmp_path):
    monkeypatch.chdir(home)
    given = [*GIVEN[2:-1], str(tmp_path / "out"), "--data", "rows.csv", "--x", "x*"]
    assert main(["judge", "steps.keras", *given, "--set", "data.shape=[2,2]", "--policy", "youden"]) == 0
    made = RunFolder(tmp_path / "out")
    np.testing.assert_allclose(made.scores("00000")[0], RunFolder(out).scores("00000")[0], atol=1e-5)
    assert (
        main(["predict", str(made.path / "decision"), "rows.csv", "--out", str(tmp_path / "said.parquet")])
        == 0
    )


def test_its_folder_is_a_run_and_its_decision_a_bundle(out, home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    assert (out / "report.html").stat().st_size > 50_000
    assert (out / "leaderboard_max_f1.parquet").is_file()
    assert main(["rescore", "out", "--policy", "cost,c_fn=10"]) == 0
    assert main(["leaderboard", "out", "--format", "csv"]) == 0
    assert "good.keras" in capsys.readouterr().out
    assert main(["report", "out"]) == 0
    assert main(["status", "out"]) == 0
    by_hand = ["--trial", "00000", "--threshold-score", "0.5", "--to", "by_hand"]
    capsys.readouterr()
    assert main(["promote", "out", *by_hand]) == 0
    assert "beware: no file says on which rows a model was trained" in capsys.readouterr().out
    for name in ("README.md", "decision.py"):
        assert "raw scores of its logits, not what predict() returns" in (home / "by_hand" / name).read_text()
    x = np.load("rows.npz")["X"]
    np.savez("new.npz", X=x)
    for folder in ("out/decision", "by_hand"):
        assert main(["predict", folder, "new.npz", "--out", "p.parquet"]) == 0
        table, told = (
            pq.read_table("p.parquet"),
            yaml.safe_load((home / folder / "decision.yaml").read_text()),
        )
        z = last_layers.logits(x, 1)[:, 0]
        score = told["calibration"]["a"] * z + told["calibration"]["b"]
        assert np.allclose(table["score"].to_numpy(), score, atol=1e-4)
        expected = np.where(score >= told["threshold_score"], "seizure", "background")
        assert table["label"].to_pylist() == expected.tolist()
        assert yaml.safe_load((home / folder / "config.yaml").read_text())["events"]["window_s"] == 2


def test_its_output_says_what_it_found(home, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(home)
    given = [*GIVEN[:-1], str(tmp_path / "other")]
    assert main(["judge", "good.keras", *given, "--loss", "bce,from_logits=true"]) == 0
    said = capsys.readouterr().out
    assert "ends in Dense(1, sigmoid), loss bce(from_logits=True) as told, compiled with" in said
    assert "beware: from_logits=True takes what the activation has made into probabilities" in said
    assert "argmax over one column, which calls every row negative: accuracy 0.667" in said
    assert "beware: no file says on which rows a model was trained" in said


def test_windows_that_overlap_by_much_are_judged_and_promoted(home, monkeypatch, tmp_path):
    """of windows of 120 s that begin every 2 s: the bundle reads the rows once more, by the same settings."""
    monkeypatch.chdir(home)
    events = ["--recording", "recording", "--time", "start", "--window-s", "120", "--set", "data.step_s=2"]
    given = [*GIVEN[:-1], str(tmp_path / "run"), *events]
    assert main(["judge", "good.keras", *given]) == 0
    by_hand = ["--trial", "00000", "--threshold-score", "0.5", "--to", str(tmp_path / "by_hand")]
    assert main(["promote", str(tmp_path / "run"), *by_hand]) == 0


@pytest.mark.slow
def test_the_study_of_its_heads_is_a_study_whose_trunk_is_its_network(out, home, monkeypatch, capsys):
    study = read(out / "heads.yaml")
    assert study.trunk.name.endswith(":anew")
    assert set(study.space.heads) == {"sigmoid", "softmax", "margin"}
    assert (study.data.path, study.data.y, study.data.group) == (str(home / "rows.npz"), "label", "patient")
    assert study.threshold.policy == "youden"
    monkeypatch.chdir(home)
    for function in ("anew", "trained"):
        name = study.trunk.name.replace("anew", function)
        assert main(["describe", "out/heads.yaml", "--set", f"trunk.name={name}"]) == 0


@pytest.mark.slow
def test_its_heads_are_searched(out, home, monkeypatch):
    monkeypatch.chdir(home)
    few = ["--set", "budget.trials=2", "--set", "training.epochs=2", "--name", "heads"]
    for arguments in (["run", "out/heads.yaml", *few], ["promote", "runs/heads", "--to", "heads_bundle"]):
        done = subprocess.run(
            [sys.executable, str(ROOT / "search.py"), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    board = pq.read_table("runs/heads/leaderboard.parquet").to_pylist()
    trained = [row for row in board if row["head"]]
    assert len(trained) == 2
    assert all(row["trunk"].startswith("trunk_") and row["error"] is None for row in trained)
