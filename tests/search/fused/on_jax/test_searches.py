"""Whole searches with fused trials: the rows they leave, a process that is killed, and a row reproduced."""

import os
import shutil
import signal

import numpy as np
import pytest

from search.networks import backend
from search.runs.run_folder import RunFolder
from tests.helpers import driving
from tests.helpers.driving import ROOT, Driver, check_complete, command_of, contents, descendants, write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

TRIALS = 16
STUDY = {
    "training": {"epochs": 6, "patience": 6},
    "asha": {"grace": 2},
    "budget": {"trials": TRIALS},
    "space": {"optimizer": ["adam", "adamw"], "batch_size": [32], "hidden_layers": ["none"]},
    "database": "none",
    "keep": {"checkpoints": 20},
}
BASELINES = 2
PATIENCE_S = 600


@pytest.fixture(autouse=True)
def _none_is_left():
    yield
    driving.stop_all()


def search(folder, *arguments, **resources) -> Driver:
    study = write_study(folder, {**STUDY, "resources": resources})
    command = [str(ROOT / "search.py"), "run", str(study), "--name", "toy", "--address", "local", *arguments]
    return Driver(command, folder)


def trainers(driver):
    return [pid for pid, _ in descendants(driver.process.pid) if b"FusedWorker" in command_of(pid)]


@pytest.fixture(scope="module")
def fused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fused")
    driver = search(folder, fuse=8)
    assert driver.wait(PATIENCE_S) == 0, driver.said
    return folder, driver.said


def test_every_row_says_that_it_was_fused_and_was_proven(fused):
    folder, said = fused
    run = folder / "runs" / "toy"
    check_complete(run, TRIALS + BASELINES)
    records = RunFolder(run).records()
    trained = [record for record in records if record.ask.config is not None]
    assert {record.fused for record in trained} <= {1, 4, 8}
    assert max(record.fused for record in trained) > 1
    assert all(record.fused is None for record in records if record.ask.config is None)
    assert all(record.proof < 1e-4 for record in trained if record.state != "failed")
    assert {record.state for record in trained} >= {"completed", "stopped"}
    assert "trials are fused: up to 8 in one program, with all rows on the device" in said
    assert "fused on cpu: " in said
    compiled = folder / "prepared" / "compiled" / (backend.cpu_flags() or "unknown")
    assert list(compiled.iterdir())


def test_the_same_trial_fused_and_alone_comes_to_the_same_but_for_rounding(fused, tmp_path):
    """Asks after the first dozen are drawn from what came before, so the first ones are compared."""
    folder, _ = fused
    driver = search(tmp_path, fuse="off")
    assert driver.wait(PATIENCE_S) == 0, driver.said
    one, other = (RunFolder(at / "runs" / "toy") for at in (folder, tmp_path))
    pairs = [
        (a, b)
        for a, b in zip(one.records(), other.records(), strict=True)
        if a.ask == b.ask and a.ask.config is not None and {a.state, b.state} == {"completed"}
    ]
    assert pairs
    for a, b in pairs:
        assert b.fused is None
        np.testing.assert_allclose(a.history, b.history, rtol=2e-2, atol=2e-3)
        old, new = one.scores(a.ask.trial_id)[0], other.scores(b.ask.trial_id)[0]
        np.testing.assert_allclose(old, new, atol=2e-2)


def test_a_fused_row_is_trained_again_in_a_program_of_as_many(fused):
    folder, _ = fused
    records = RunFolder(folder / "runs" / "toy").records()
    trial = max((r for r in records if r.state == "completed" and r.fused), key=lambda r: r.fused)
    again = Driver(
        [str(ROOT / "search.py"), "reproduce", "runs/toy", trial.ask.trial_id], folder
    )  # in the run's folder, as a user does
    assert again.wait(PATIENCE_S) == 0, again.said
    told = " ".join(again.said.split())
    assert f"trained together with others, up to {trial.fused} in one program" in told
    assert "identical" in told or "0.001 is allowed" in told


def test_a_killed_process_costs_its_trials_a_new_start_and_no_row(fused, tmp_path):
    shutil.copytree(fused[0] / "prepared", tmp_path / "prepared")  # so that nothing is compiled again
    driver = search(tmp_path, fuse=8)
    run = tmp_path / "runs" / "toy"
    killed, kept = 0, {}
    for finished in (BASELINES + 1, BASELINES + 5):
        if driver.until(lambda finished=finished: len(contents(run)) >= finished, PATIENCE_S):
            kept |= contents(run)
            for pid in trainers(driver):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    assert driver.wait(PATIENCE_S) == 0, driver.said
    assert killed >= 1
    check_complete(run, TRIALS + BASELINES)
    now = contents(run)
    assert all(now[name] == text for name, text in kept.items())
    assert not [record for record in RunFolder(run).records() if record.state == "failed"]
    log = RunFolder(run).log.read_text()
    assert "starts again, its worker died" in log


def test_fused_trials_without_jax_are_refused(tmp_path, monkeypatch):
    study = write_study(tmp_path, {**STUDY, "resources": {"fuse": 4}})
    command = [str(ROOT / "search.py"), "run", str(study), "--name", "toy", "--address", "local"]
    driver = Driver(command, tmp_path, KERAS_BACKEND="tensorflow")
    assert driver.wait(PATIENCE_S) == 2
    assert "fused trials need Keras on JAX, but resources.fuse is 4" in driver.errors[-1]
