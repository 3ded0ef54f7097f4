"""Runs of K classes, K labels and a number: killed and resumed, with other seeds, started warm."""

import json
import math

import pytest
from rich.console import Console

from cluster.commands.seeds import show_means, trainable
from reports.boards import reading
from search.runs.run_folder import RunFolder
from spaces.tasks import sign_of
from tests.conftest import ROOT
from tests.helpers import driving
from tests.helpers.driving import Driver, contents
from tests.helpers.linear_trainer import linear_trainer
from tests.helpers.verified_runs import write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TASKS = ("classes", "labels", "number")
BASELINES = 2


def driver_of(study, *arguments, **environment):
    """A driver of a study without Keras."""
    command = ["-m", "tests.helpers.linear_driver", str(study), str(study.parent / "runs"), *arguments]
    return Driver(command, study.parent, **environment)


def finished(study, *arguments):
    """A driver that has come to its end."""
    driver = driver_of(study, *arguments)
    assert driver.wait() == 0, driver.said
    return driver


@pytest.mark.parametrize("task", TASKS)
def test_a_killed_run_is_resumed_trained_again_and_learnt_from(tmp_path, task, monkeypatch):
    study, run = write_study(tmp_path, task, budget={"trials": 5}), tmp_path / "runs" / task
    driver = driver_of(study, HEADSEARCH_TEST_EPOCH_S="1")
    assert driver.until(lambda: len(contents(run)) >= BASELINES + 2), driver.said
    driver.kill()
    before, asked = contents(run), {ask.number: ask for ask in RunFolder(run).asks()}
    assert len(before) < BASELINES + 5, "there is nothing left to resume"
    finished(study, "--resume", str(run))
    records = RunFolder(run).records()
    assert [record.ask.number for record in records] == list(range(BASELINES + 5))
    assert {name: contents(run)[name] for name in before} == before
    assert {record.ask.number: record.ask for record in records if record.ask.number in asked} == asked
    assert {(record.task, record.state, record.error) for record in records} == {(task, "completed", None)}

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    console = Console(width=150, record=True)
    board = reading.read(run)
    rows = show_means(run, 2, trainable(board, 2), "table", console, "local", linear_trainer)
    sign = sign_of(rows[0].objective)
    assert [sign * row.mean for row in rows] == sorted((sign * row.mean for row in rows), reverse=True)
    for row in rows:
        kept = [json.loads(path.read_text()) for path in (run / "seeds").glob(f"{row.trial_id}-*.json")]
        assert len(kept) == 2
        assert row.mean == pytest.approx(math.fsum(one["value"] for one in kept) / 2)
        assert {one["task"] for one in kept} == {task}
    assert f"mean: of {rows[0].objective}, cross-fitted, over 2 trainings" in " ".join(
        console.export_text().split()
    )

    settings = ("--set", f"name={task}-2", "--set", f"warm_start={run}", "--set", "budget.trials=2")
    finished(study, *settings)
    warm = RunFolder(tmp_path / "runs" / f"{task}-2")
    assert len(warm.records()) == BASELINES + 2
    assert warm.study().warm_start == str(run)
    other = tmp_path / "other"
    refused = driver_of(write_study(other, task, split={"seed": 5}), "--set", f"warm_start={run}")
    assert refused.wait() == 2
    (line,) = refused.errors
    assert "a warm start learns from trials measured on the same rows by the same steering metric" in line


@pytest.fixture(autouse=True)
def _none_is_left():
    yield
    driving.stop_all()
