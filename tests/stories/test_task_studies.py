"""Studies of K classes, K labels and a number, from the command line to the predictions of their bundles."""

import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn import metrics as sk

from search.runs.run_folder import RunFolder
from tests.conftest import ROOT
from tests.helpers.task_check import differences

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PEOPLE, EACH, STEPS = 15, 60, 8
SIGNS = np.array(["wave", "point", "fist", "pinch", "swipe", "rest"])
SMALL = {"training": {"epochs": 8}, "asha": {"grace": 4}, "resources": {"workers": 1}, "database": "none"}


def search_py(*arguments, cwd, code=0):
    command = [sys.executable, str(ROOT / "search.py"), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def run(folder, name, **study):
    (folder / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, **SMALL, **study}))
    return search_py("run", f"{name}.yaml", "--name", name, "--address", "local", cwd=folder)


def shipped(folder, name, data):
    """Promotes the best trial and predicts; the predictions, and what the bundle says of itself."""
    told = search_py("promote", f"runs/{name}", "--to", f"{name}-bundle", cwd=folder)
    print(told)
    search_py("predict", f"{name}-bundle", data, "--out", f"{name}.parquet", cwd=folder)
    config = yaml.safe_load((folder / f"{name}-bundle" / "config.yaml").read_text())
    return pq.read_table(folder / f"{name}.parquet"), config


@pytest.fixture(scope="module")
def gestures(tmp_path_factory):
    """Sequences of gestures: every person makes each in a way of their own; steps at the end are empty."""
    folder, rng = tmp_path_factory.mktemp("gestures"), np.random.default_rng(0)
    person = np.repeat(np.arange(PEOPLE), EACH)
    y = rng.permuted(np.tile(np.arange(6), (PEOPLE, EACH // 6)), axis=1).ravel()
    common, own = rng.normal(size=(6, 8)), rng.normal(size=(PEOPLE, 6, 8))
    x = 0.4 * common[y] + 2.0 * own[person, y]
    x = x[:, None] + rng.normal(size=(len(y), STEPS, 8))
    lengths = rng.integers(3, STEPS + 1, len(y))
    x[np.arange(STEPS) >= lengths[:, None]] = 0
    np.savez(folder / "x.npz", X=x.astype(np.float32), y=SIGNS[y], person=person.astype(str))
    return folder


def test_a_random_split_of_people_s_gestures_shows_what_a_split_by_people_does_not(gestures):
    data = {"source": "npz", "path": "x.npz", "x": "X", "y": "y", "group": "person"}
    about = {
        "trunk": {"name": "bilstm", "width": 0.25},
        "objective": {"metric": "accuracy"},
        "training": {"epochs": 40, "patience": 40},
        "asha": {"enabled": False},
    }
    refused = "split.by window would put rows of one group on two sides"
    split = {"by": "window"}
    (gestures / "no.yaml").write_text(yaml.safe_dump({"data": data, "split": split, **about}))
    assert "i_accept_leakage" in search_py("run", "no.yaml", cwd=gestures, code=2), refused
    values = {}
    for name, split in (("window", {"by": "window", "i_accept_leakage": True}), ("people", {"by": "group"})):
        told = run(gestures, name, data=data, split=split, budget={"trials": 1}, **about)
        rows = pq.read_table(gestures / "runs" / name / "leaderboard.parquet").to_pylist()
        trained = [row for row in rows if row["kind"] != "baseline" and row["value"] is not None]
        values[name] = max(row["value"] for row in trained)
        assert "leaky" in told or name == "people"
        assert {row["task"] for row in rows} == {"classes"}
    assert differences(RunFolder(gestures / "runs" / "people")) == []
    print(f"accuracy by windows {values['window']:.3f}, by people {values['people']:.3f}")
    assert values["window"] > values["people"] + 0.2
    predicted, config = shipped(gestures, "people", "x.npz")
    y = np.load(gestures / "x.npz")["y"]
    assert set(predicted["label"].to_pylist()) <= set(SIGNS)
    assert predicted.column_names[:3] == ["row", "label", "score_fist"]
    assert sk.accuracy_score(y, predicted["label"].to_pylist()) > values["people"] - 0.1
    assert np.sum(config["test"]["confusion"]) == config["test"]["rows"]
    low, high = (config["test"]["metrics"]["accuracy"][end] for end in ("low", "high"))
    assert low <= config["test"]["metrics"]["accuracy"]["value"] <= high
    assert low < values["window"] - 0.1


def test_labels_of_different_rarity_have_thresholds_of_their_own(tmp_path):
    rng, n = np.random.default_rng(0), 3600
    shares = np.array([0.01, 0.02, 0.04, 0.08, 0.12, 0.2, 0.3, 0.4])
    x = rng.normal(size=(n, 12)).astype(np.float32)
    hidden = x @ rng.normal(size=(12, 8)) + 1.5 * rng.normal(size=(n, 8))
    y = hidden >= np.array([np.quantile(*one) for one in zip(hidden.T, 1 - shares, strict=True)])
    group = (np.arange(n) % 40).astype(str)
    np.savez(tmp_path / "x.npz", X=x, y=y, group=group)
    data = {"source": "npz", "path": "x.npz", "x": "X", "y": "y", "group": "group", "task": "labels"}
    study = {"data": data, "trunk": {"name": "mlp"}, "budget": {"trials": 2}}
    (tmp_path / "no.yaml").write_text(yaml.safe_dump({**study, "space": {"heads": {"softmax": ["cce"]}}}))
    refused = search_py("run", "no.yaml", cwd=tmp_path, code=2)
    print(refused)
    assert "softmax" in refused
    assert len(refused.splitlines()) == 1
    run(tmp_path, "labels", **study)
    predicted, config = shipped(tmp_path, "labels", "x.npz")
    test = config["test"]["metrics"]["macro_f1"]
    of_half = {"policy": "fixed", "at": 0.5}
    run(tmp_path, "half", **study, threshold=of_half)
    _, at_half = shipped(tmp_path, "half", "x.npz")
    flat = at_half["test"]["metrics"]["macro_f1"]
    told = " against ".join(f"{one['value']} ({one['low']} to {one['high']})" for one in (test, flat))
    print(f"macro F1 on the test split, thresholds per label against .5 for all: {told}")
    assert flat["value"] is None or test["value"] > flat["value"]
    assert len(config["decision"]["thresholds"]) == 8
    found = np.column_stack([predicted[f"label_{k}"].to_numpy(zero_copy_only=False) for k in range(8)])
    score = np.column_stack([predicted[f"score_{k}"].to_numpy() for k in range(8)])
    cuts = np.array(config["decision"]["thresholds"], np.float32)
    np.testing.assert_array_equal(found, score >= cuts)
    assert sk.f1_score(y, found, average="macro") > 0.3


def test_a_number_is_predicted_in_its_own_units_and_has_no_accuracy(tmp_path):
    rng, n = np.random.default_rng(0), 1600
    x = rng.normal(size=(n, 10, 2)).astype(np.float32)
    price = 100 + 5 * x[:, :, 0].sum(axis=1) + rng.normal(size=n)
    np.savez(tmp_path / "x.npz", X=x, y=price, group=(np.arange(n) % 32).astype(str))
    data = {"source": "npz", "path": "x.npz", "x": "X", "y": "y", "group": "group", "task": "number"}
    study = {"data": data, "trunk": {"name": "lstm", "width": 0.25}, "budget": {"trials": 2}}
    asked = {**study, "objective": {"metric": "accuracy"}}
    (tmp_path / "no.yaml").write_text(yaml.safe_dump(asked))
    (line,) = search_py("run", "no.yaml", cwd=tmp_path, code=2).splitlines()
    print(line)
    assert "which a real number never does" in line
    run(tmp_path, "number", **study)
    assert differences(RunFolder(tmp_path / "runs" / "number")) == []
    predicted, config = shipped(tmp_path, "number", "x.npz")
    assert predicted.column_names == ["row", "prediction"]
    found = predicted["prediction"].to_numpy()
    assert sk.r2_score(price, found) > 0.3
    metrics = config["test"]["metrics"]
    assert metrics["mae"]["low"] < metrics["mae"]["value"] < metrics["mae"]["high"]
    assert abs(metrics["mae"]["value"] / sk.mean_absolute_error(price, found) - 1) < 0.4
