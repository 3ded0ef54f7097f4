"""Resuming: what may have changed since, what may not, and a run that could not write."""

import pytest
import yaml

from cluster.cli import main
from cluster.driver import digest
from search.runs.run_folder import RunFolder
from tests.helpers import driving
from tests.helpers.driving import check_complete, contents, finish, numpy_driver, write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_run_that_cannot_write_stops_and_goes_on_once_it_can(tmp_path):
    study = write_study(tmp_path, {"training": {"epochs": 2}, "budget": {"trials": 8}})
    run, starts = tmp_path / "runs" / "toy", tmp_path / "starts.txt"
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.3", HEADSEARCH_TEST_STARTS=str(starts))
    assert driver.until(lambda: len(contents(run)) >= 3), driver.said
    (run / "scores").rename(run / "away")
    (run / "scores").write_text("no folder")
    assert driver.wait() == 1
    (line,) = driver.errors
    assert "could not be written, so it stopped" in line
    assert "mend that and resume" in line
    before = contents(run)
    begun = starts.read_text().split()
    assert len(begun) == len(set(begun)), "a finished trial was trained again"

    (run / "scores").unlink()
    (run / "away").rename(run / "scores")
    resumed = finish(study, "--resume", str(run))
    assert resumed.process.returncode == 0, resumed.said
    check_complete(run, 10)
    assert {name: contents(run)[name] for name in before} == before


def test_a_run_in_which_everything_failed_can_be_resumed_once_the_cause_is_mended(tmp_path):
    study = write_study(tmp_path, {"budget": {"trials": 10}})
    broken = finish(study, HEADSEARCH_TEST_FAULTS="*=raise")
    assert broken.process.returncode == 1
    run = tmp_path / "runs" / "toy"
    mended = finish(study, "--resume", str(run), "--set", "budget.trials=16")
    assert mended.process.returncode == 0, mended.said
    states = [record.state for record in RunFolder(run).records()]
    assert len(states) == 18
    assert states[-4:] == ["completed"] * 4

    # Its rows stay comparable: a study edited by hand is refused, data that moved are not.
    text = (run / "study.yaml").read_text()
    edited = yaml.safe_load(text)
    edited["split"]["seed"] = 1
    (run / "study.yaml").write_text(yaml.safe_dump(edited))
    assert main(["resume", str(run)]) == 2
    (run / "study.yaml").write_text(text)
    (tmp_path / "data.npz").rename(tmp_path / "moved.npz")
    moved = finish(study, "--resume", str(run), "--set", f"data.path={tmp_path / 'moved.npz'}")
    assert moved.process.returncode == 0, moved.said


def test_a_run_older_than_a_setting_is_resumed_again_and_again(tmp_path):
    study = write_study(tmp_path, {"budget": {"trials": 2}})
    assert finish(study).process.returncode == 0
    folder = RunFolder(tmp_path / "runs" / "toy")
    written = yaml.safe_load(folder.study_file.read_text())
    del written["training"]["xla"], written["resolved"]["run_id"]
    old = written["resolved"]["study_digest"] = digest(folder.study(), written)
    folder.study_file.write_text(yaml.safe_dump(written))
    for trials in (3, 4):
        resumed = finish(study, "--resume", str(folder.path), "--set", f"budget.trials={trials}")
        assert resumed.process.returncode == 0, resumed.said
        check_complete(folder.path, trials + 2)
        resolved = RunFolder(folder.path).resolved()
        assert (resolved["run_id"], resolved["study_digest"]) == (old, digest(RunFolder(folder.path).study()))


@pytest.fixture(autouse=True)
def _none_is_left():
    yield
    driving.stop_all()
