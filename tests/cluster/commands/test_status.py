"""`status` tells where a run stands from its files alone: beside a driver, after it, and past damage."""

import fcntl
import json
import math
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from cluster.cli import main
from cluster.commands.status import as_json, as_lines, status
from search.record import Ask, Record
from search.runs.driver_lock import DriverLock
from search.runs.run_folder import RunFolder
from search.runs.start_times import StartTimes
from spaces.configuration import every
from spaces.study import Study
from spaces.study_file import parse
from tests.helpers.driving import ROOT, contents, numpy_driver, write_study
from tests.helpers.records import record as made
from tests.helpers.shown import until
from tests.helpers.toys import config
from tests.helpers.watching import dashboard

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STUDY = Study.model_validate({"name": "toy", "budget": {"trials": 10}})


def ask(number: int) -> Ask:
    """A baseline first, then draws."""
    if number == 0:
        return Ask(number=0, kind="baseline", baseline="prevalence", seed=0)
    return Ask(number=number, kind="search", config=config("sigmoid", "bce"), seed=number)


def record(number: int, value: float | None = 0.5, ago_s: float = 60, **changes) -> Record:
    """A trial that ended some seconds ago; without a value, it failed."""
    fields = {
        "ask": ask(number),
        "state": "failed" if value is None else "completed",
        "value": value,
        "finished_at": (NOW - timedelta(seconds=ago_s)).isoformat(timespec="milliseconds"),
        "node": "10.0.0.1",
    }
    return made(**{**fields, **changes})


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    """A run that no trial has finished yet."""
    folder = RunFolder(tmp_path / "toy")
    folder.create(STUDY, {"study_digest": "s", "code_digest": "c"})
    return folder


def lines_of(folder: RunFolder) -> dict[str, str]:
    """The lines, by what they are about; those about one thing joined."""
    found: dict[str, str] = {}
    for line in as_lines(status(folder.path, NOW), NOW):
        found[line[:10].strip()] = "; ".join(filter(None, [found.get(line[:10].strip()), line[10:]]))
    return found


def test_a_run_without_a_record(folder):
    assert lines_of(folder) == {
        "run": f"{folder.path}: no driver is at work: interrupted, or out of time",
        "finished": "0 of 12 trials",
        "next": f"python search.py resume {folder.path}",
    }


def test_no_run_is_one_line(tmp_path, capsys):
    assert main(["status", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"search.py: a run is a folder with a study.yaml, but {tmp_path} has none"


def test_what_an_interrupted_run_has_come_to(folder):
    for number in range(8):
        folder.append_ask(ask(number))
    StartTimes(folder.log.parent).note("00006")
    folder.write_record(record(0, 0.62, 500))
    folder.write_record(record(1, 0.7, 400))
    folder.write_record(record(2, None, 300, error="nan in epoch 3", node="10.0.0.2"))
    folder.write_record(record(3, None, 200, error="nan in epoch 12"))
    folder.write_record(record(4, None, 100, error="out of memory"))
    folder.write_record(record(5, 0.66, 75, state="stopped"))
    assert lines_of(folder) == {
        "run": f"{folder.path}: no driver is at work: interrupted, or out of time",
        "finished": "6 of 12 trials, 1 stopped early, the last 1 min 15 s ago",
        "waiting": "2: 00006, 00007",
        "nodes": "10.0.0.1 (5 done), 10.0.0.2 (1 done)",
        "failed": "2 x nan in epoch 12; 1 x out of memory",
        "best": "f1 0.700 (sigmoid, bce, trial 00001); baseline f1 0.620 (prevalence, trial 00000)",
        "next": f"python search.py resume {folder.path}",
    }
    folder.write_record(record(0, 0.71, 500))
    assert lines_of(folder)["best"].endswith(
        "; the baseline is not beaten: f1 0.710 (prevalence, trial 00000)"
    )


def test_a_complete_run_is_ready_to_be_shipped(folder):
    for number in range(12):
        folder.write_record(record(number, 0.6 if number else 0.5))
    assert lines_of(folder)["run"] == f"{folder.path}: complete"
    assert lines_of(folder)["next"] == f"python search.py promote {folder.path} --to bundle"
    folder.write_record(record(0, 0.6))
    assert lines_of(folder)["next"] == f"python search.py resume {folder.path} --set budget.trials=N"
    for number in range(1, 12):
        folder.write_record(record(number, 0.9).model_copy(update={"threshold_score": math.inf}))
    assert lines_of(folder)["next"] == f"python search.py leaderboard {folder.path}"
    assert lines_of(folder)["best"] == (
        "none: every trained trial says the same of every row; baseline f1 0.600 (prevalence, trial 00000)"
    )
    for number in range(1, 12):
        folder.write_record(record(number, None, error="none works"))
    assert lines_of(folder)["next"] == f"python search.py resume {folder.path} --set budget.trials=N"
    assert lines_of(folder)["failed"] == "11 x none works"


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\x00", b"null", b'{"ask": {"number": 3}}'])
def test_damage_is_one_line_and_the_rest_is_told(folder, damage, capsys):
    for number in range(3):
        folder.append_ask(ask(number))
        folder.write_record(record(number))
    path = folder.path / "records" / "00001.json"
    path.write_bytes(damage)
    (folder.log.parent / "started.jsonl").write_bytes(b'\n{"trial_id": "00001", "at"\n\xff\n{"at": 3}\n[]\n')
    (folder.log.parent / "driver.lock").write_bytes(damage)
    found = lines_of(folder)
    assert found["damaged"] == f"{path}: no record of this run; move it away and resume: its trial runs again"
    assert found["finished"] == "2 of 12 trials, the last 1 min 0 s ago"
    assert "waiting" not in found
    assert main(["status", str(folder.path)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert [line.partition(" ")[0] for line in said.out.splitlines()] == [
        "run", "finished", "nodes", "damaged", "best", "next",
    ]  # fmt: skip


def test_time_left_is_that_of_the_driver_at_work(folder):
    with DriverLock(folder.log.parent).held() as got_it:
        assert got_it
        found = status(folder.path, NOW)
        assert found.driver is not None
        assert found.driver.host == socket.gethostname()
        began = datetime.fromisoformat(found.driver.since)
        ends = [began - timedelta(hours=3), *(began + timedelta(seconds=10 * k) for k in range(1, 5))]
        for number, end in enumerate(ends):
            folder.append_ask(ask(number))
            folder.write_record(record(number, finished_at=end.isoformat()))
        folder.append_ask(ask(5))
        folder.append_ask(ask(6))
        StartTimes(folder.log.parent).note("00005")
        with (folder.log.parent / "started.jsonl").open("a") as notes:  # by the driver before
            notes.write('{"trial_id": "00006", "at": "2026-03-01T00:00:00+00:00"}')
        now = began + timedelta(seconds=40)
        found = status(folder.path, now)
        assert found.left_s == pytest.approx(10 * (12 - 5))
        assert [flight.trial_id for flight in found.in_flight] == ["00005", "00006"]
        assert 0 <= found.in_flight[0].running_s <= 40
        assert found.in_flight[1].running_s is None
        assert found.next == f"python search.py leaderboard {folder.path}"
        assert "left      about 1 min 10 s" in as_lines(found, now)
        as_dict = json.loads(as_json(found))
        assert as_dict["driver"]["host"] == found.driver.host
        assert as_dict["in_flight"][1] == {"trial_id": "00006", "running_s": None}
    after = status(folder.path, now)
    assert after.driver is None
    assert after.left_s is None
    assert [flight.running_s for flight in after.in_flight] == [None, None], "nobody runs them"


def test_asking_does_not_keep_a_driver_away(folder):
    with DriverLock(folder.log.parent).held() as got_it, DriverLock(folder.log.parent).held() as second:
        assert (got_it, second) == (True, False)
    asking = (folder.log.parent / "driver.lock").open()
    fcntl.flock(asking, fcntl.LOCK_SH)  # as `status` does, for an instant
    threading.Timer(0.2, asking.close).start()
    with DriverLock(folder.log.parent).held() as got_it:
        assert got_it


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_is_watched_from_outside_while_it_runs(tmp_path):
    study = write_study(tmp_path, {"training": {"epochs": 2}, "budget": {"trials": 400}})
    run = tmp_path / "runs" / "toy"
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.3", HEADSEARCH_TEST_FAULTS="4=raise")
    try:
        assert driver.until(lambda: len(contents(run)) >= 7), driver.said
        asked = [sys.executable, str(ROOT / "search.py"), "status", str(run)]
        told = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
        assert f": a driver is at work (process {driver.process.pid} on {socket.gethostname()}, since" in told
        assert " of 402 trials, the last " in told
        assert "\nfailed    1 x ValueError: told to fail in two lines, at" in told
        assert "\nbest      f1 0." in told
        assert "\nleft      about " in told
        assert driver.until(lambda: any(f.running_s is not None for f in status(run).in_flight)), driver.said
        assert driver.process.poll() is None, "asking ended the driver"

        with dashboard(f"sqlite:///{run / 'optuna.db'}") as shown:
            (seen,) = shown.studies()
            assert seen["study_name"] == "toy"
            known = {int(name[:5]) for name in contents(run)}
            assert driver.until(lambda: len(contents(run)) >= len(known) + 2), driver.said

            trials = {}

            def shows_their_ends() -> bool:
                trials.update({trial["number"]: trial for trial in shown.trials(seen["study_id"])})
                ended = {n for n, trial in trials.items() if trial["state"] not in ("Running", "Waiting")}
                return ended >= known

            until(shows_their_ends)  # the writer has a queue, and the dashboard may keep an earlier answer
            assert driver.process.poll() is None, "the search was over before it was seen"
        assert trials[4]["state"] == "Fail"
        assert "Running" in {trial["state"] for trial in trials.values()}
        notes = {entry["key"]: entry["value"] for entry in trials[5]["user_attrs"]}
        assert notes["trial_id"] == "00005"
    finally:
        driver.kill()
    lines = as_lines(status(run))
    assert lines[0] == f"run       {run}: no driver is at work: interrupted, or out of time"
    assert lines[-1] == f"next      python search.py resume {run}"
    assert any(line.startswith("waiting") for line in lines)


def test_a_space_that_is_used_up_is_told_with_the_mean_of_its_seeds(tmp_path):
    space = {
        "heads": {"sigmoid": ["bce"]}, "learning_rate": 1e-3, "optimizer": "adam", "batch_size": [32, 64],
        "class_weight": "none", "hidden_layers": "none", "dropout": 0.0, "label_smoothing": 0.0,
    }  # fmt: skip
    study = parse({"name": "toy", "space": space, "budget": {"trials": 2}})
    folder = RunFolder(tmp_path / "toy")
    folder.create(study, {"study_digest": "s", "code_digest": "c"})
    one, two = sorted(every(study, 2), key=lambda config: config.batch_size)
    folder.write_record(record(0, 0.95))
    for number, (config_, value) in enumerate([(one, 0.9), (one, 0.5), (one, 0.7)], start=1):
        asked = Ask(number=number, kind="search", config=config_, seed=number)
        folder.write_record(record(number, value, ask=asked))
    assert "space" not in lines_of(folder)
    assert status(folder.path, NOW).configurations is None
    folder.write_record(record(4, 0.1, ask=Ask(number=4, kind="search", config=two, seed=4)))
    found = lines_of(folder)
    assert found["space"] == "holds 2 configurations, all tried: further trials are further seeds of them"
    assert found["best"] == (
        "f1 0.700 (sigmoid, bce, trial 00001, mean of 3 seeds); "
        "the baseline is not beaten: f1 0.950 (prevalence, trial 00000)"
    )
    assert found["next"] == f"python search.py leaderboard {folder.path}"
    told = json.loads(as_json(status(folder.path, NOW)))
    assert (told["configurations"], told["best"]["value"], told["best"]["seeds"]) == (2, 0.7, 3)
