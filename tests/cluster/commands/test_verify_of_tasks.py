"""`verify` for K classes, K labels and a number: the command from a run to its files, and what is refused."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster.commands.verify import verify
from cluster.terminal import PlainConsole
from reports.boards.verification_by_task import schema_of
from tests.conftest import ROOT
from tests.helpers.driving import Driver
from tests.helpers.linear_trainer import linear_scores, linear_trainer
from tests.helpers.verified_runs import CLASSES, data_of, refused, write_run, write_study

TASKS = ("classes", "labels", "number")


def searched(folder, *arguments):
    """What `search.py` says, typed in a folder."""
    driver = Driver([str(ROOT / "search.py"), *map(str, arguments), "--address", "local"], folder)
    assert driver.wait() == 0, driver.said
    return driver.said


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("task", TASKS)
def test_a_study_is_run_and_its_best_trial_verified(tmp_path, task):
    study = write_study(tmp_path, task, budget={"trials": 1}, asha={"enabled": False})
    run = tmp_path / "runs" / task
    searched(tmp_path, "run", study, "--name", task)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    said = searched(tmp_path, "verify", run, "--k", "3")
    for path, content in before.items():
        assert path.read_bytes() == content, path
    (file,) = (run / "verify").glob("*.parquet")
    rows, summary = pq.read_table(file).to_pylist(), json.loads(file.with_suffix(".json").read_text())
    assert pq.read_schema(file).names == schema_of(task).names
    assert sorted({row["fold"] for row in rows}) == [1, 2, 3]
    assert sum(row["rows"] for row in rows) == summary["rows"] == 40 * len(rows)
    assert summary["task"] == task
    objective = summary["objective"]
    assert f"over groups: {objective} " in said
    assert f"pooled: {objective} " in said
    found = summary["pooled"][objective]
    assert found["value"] is not None
    if task == "classes":
        assert np.sum(summary["confusion"]) == summary["rows"]
        assert CLASSES[1] in said
    elif task == "labels":
        assert len(summary["each_pooled"]["recall"]) == 3
    else:
        assert found["low"] < found["value"] < found["high"]


@pytest.mark.slow
def test_folds_in_workers_are_those_of_one_process(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    run = write_run(write_study(tmp_path, "labels"))
    console = PlainConsole(width=140, record=True)
    summary = verify(run.path, "00001", 4, "local", console, linear_trainer, linear_scores)
    written = json.loads((run.path / "verify" / "00001.json").read_text())
    assert summary == written
    assert summary["folds"] == {"by": "group", "number": 4, "leave_one_out": False}
    assert (
        summary["positives"]
        == np.sum(pq.read_table(run.path / "verify" / "00001.parquet")["actual"].to_pylist(), axis=0).tolist()
    )
    assert f"all groups: {run.path}/verify/00001.parquet" in console.export_text()


def test_a_class_that_two_folds_cannot_spare_is_refused_before_anything_is_trained(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("cluster.commands.verify.run_jobs", None)
    x, y, group = data_of("classes")
    y = np.where(np.arange(len(y)) % 2 == 0, "calm", "wild")
    people = np.unique(group)
    part = np.full(len(y), "train     ")
    part[np.isin(group, people[:2])], part[np.isin(group, people[2:5])] = "test", "validation"
    for person in (people[0], people[2], people[3], people[5]):
        y[np.flatnonzero(group == person)[:6]] = "rare"
    study = write_study(tmp_path, "classes", (x, y, group), split={"by": "column"})
    with np.load(tmp_path / "data.npz") as arrays:
        np.savez(tmp_path / "data.npz", **arrays, part=np.char.strip(part))
    study.write_text(study.read_text().replace("group: group", "group: group\n  split: part"))
    run = write_run(study)
    about = "of 10 groups class 'rare' lives in 3 groups in 2 folds; add data of more groups, merge classes, "
    instead = "or leave them out, or make 3 folds or more (--k)"
    refused(capsys, ["verify", str(run.path), "--k", "2"], about + instead)
    assert not (run.path / "verify").exists()


@pytest.mark.parametrize("task", TASKS)
def test_a_wrong_request_is_one_line(tmp_path, capsys, task):
    run = write_run(write_study(tmp_path, task))
    name = "mean" if task == "number" else "prevalence"
    about = f"only a trained trial can be verified, but 00000 is the baseline {name}"
    refused(capsys, ["verify", str(run.path), "--trial", "00000"], about)
    refused(capsys, ["verify", str(run.path), "--k", "99"], "groups number 2 to")
    refused(capsys, ["verify", str(run.path), "--trial", "00009"], "no trial '00009' in")
    with np.load(tmp_path / "data.npz") as arrays:
        np.savez(tmp_path / "data.npz", **{**arrays, "X": arrays["X"] + 1})
    refused(capsys, ["verify", str(run.path)], "a run goes on with the data it began with")
