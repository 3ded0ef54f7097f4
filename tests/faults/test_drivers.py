"""What a search survives: `kill -9` at any moment, trials that misbehave, damaged files, signals."""

import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cluster.cli import main
from search.runs.run_folder import RunFolder
from tests.helpers import driving, scenarios
from tests.helpers.accounts import table
from tests.helpers.driving import Driver, check_complete, contents, finish, numpy_driver, write_study

KILLS = 3
"""Of drivers; `make soak` does many more."""


@pytest.fixture(autouse=True)
def _none_is_left():
    """A test that failed leaves no driver behind."""
    yield
    driving.stop_all()


class Watch(threading.Thread):
    """Opens a leaderboard again and again; what could not be read is kept in `errors`."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path, self._over = path, threading.Event()
        self.reads, self.errors = 0, []
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.05):
            if not self._path.exists():
                continue
            try:
                rows = pq.ParquetFile(self._path).read(["trial_id"]).to_pylist()
                ids = [row["trial_id"] for row in rows]
                assert len(ids) == len(set(ids)), f"twice in the leaderboard: {ids}"
                self.reads += 1
            except Exception as error:
                self.errors.append(repr(error))

    def end(self) -> None:
        self._over.set()
        self.join()
        assert not self.errors
        assert self.reads > 0


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    """A run that nothing disturbs."""
    return scenarios.clean_run(tmp_path_factory.mktemp("clean"))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_nothing_finished_is_lost_when_drivers_are_killed(tmp_path, clean, capsys):
    watch = Watch(tmp_path / "runs" / "toy" / "leaderboard.parquet")
    account, orphans = scenarios.kill_drivers(tmp_path, clean, random.Random(19), KILLS)
    watch.end()
    with capsys.disabled():
        print("\n" + table([account]))
    account.check()
    assert account.times == KILLS
    driving.assert_gone(orphans)


@pytest.mark.slow
def test_a_misbehaving_trial_is_a_failed_row_and_the_search_goes_on(tmp_path):
    study = write_study(tmp_path, {"training": {"epochs": 1}, "budget": {"trials": 8}})
    driver = finish(study, HEADSEARCH_TEST_FAULTS="3=raise 5=nan 7=kill")
    assert driver.process.returncode == 0, driver.said
    assert driver.errors == []
    run = tmp_path / "runs" / "toy"
    check_complete(run, 10)
    rows = {r["trial_id"]: r for r in pq.ParquetFile(run / "leaderboard.parquet").read().to_pylist()}
    failed = {name: r["error"] for name, r in rows.items() if r["state"] == "failed"}
    assert failed.keys() == {"00003", "00005", "00007"}
    assert failed["00003"].startswith("ValueError: told to fail in two lines, at ")
    assert failed["00005"].startswith("raw scores must be finite, but got 100 that are not")
    assert failed["00007"].startswith("its worker died 3 times")
    for name in failed:
        assert rows[name]["rank"] is None
        assert rows[name]["value"] is None
        assert not (run / "scores" / f"{name}.parquet").exists()
    assert [r["error"] for name, r in rows.items() if name not in failed] == [None] * 7


@pytest.mark.slow
def test_a_search_in_which_everything_fails_for_one_reason_stops_early(tmp_path):
    study = write_study(tmp_path, {"budget": {"trials": 40}})
    driver = finish(study, HEADSEARCH_TEST_FAULTS="*=raise")
    assert driver.process.returncode == 1
    assert len(driver.errors) == 1
    assert driver.errors[0].startswith("driver: every trial failed for one reason: ValueError: told to fail")
    # 8 failures, the baselines, and what was in flight when the eighth came back: it may be a baseline.
    assert 8 <= len(contents(tmp_path / "runs" / "toy")) <= 12


@pytest.mark.slow
@pytest.mark.usefixtures("_signals")
def test_signals_a_second_driver_and_a_torn_line(tmp_path):
    study = write_study(tmp_path, {"training": {"epochs": 2}, "budget": {"trials": 10}})
    run = tmp_path / "runs" / "toy"
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.2", HEADSEARCH_TEST_FAULTS="6=hang")
    assert driver.until(lambda: len(contents(run)) >= 1), driver.said

    as_it_was = (run / "study.yaml").read_bytes()
    driver.signal_all(signal.SIGHUP)  # its terminal goes away
    assert main(["resume", str(run), "--set", "budget.trials=99", "--address", "local"]) == 2
    assert (run / "study.yaml").read_bytes() == as_it_was, "a refused driver changed the study"
    finished = len(contents(run))
    assert driver.until(lambda: len(contents(run)) >= max(8, finished + 1)), driver.said

    children = driving.descendants(driver.process.pid)
    driver.process.send_signal(signal.SIGINT)
    assert driver.wait() == 1
    assert driver.errors == [
        f"driver: the search was interrupted with {len(contents(run))} of 12 trials finished; "
        f"go on with: python search.py resume {run}"
    ]
    driving.assert_gone(children)
    assert "00006.json" not in contents(run)

    asked = run / "logs" / "asked.jsonl"
    lines = asked.read_bytes().rstrip().rpartition(b"\n")
    asked.write_bytes(lines[0] + b"\n" + lines[2][: len(lines[2]) // 2])  # as a crash would leave it
    last = f"{len(RunFolder(run).asks()):05d}.json"
    (run / "records" / last).unlink(missing_ok=True)
    resumed = finish(study, "--resume", str(run))
    assert resumed.process.returncode == 0, resumed.said
    check_complete(run, 12)


@pytest.mark.slow
def test_sigterm_and_an_impatient_ctrl_c_are_one_line_each(tmp_path):
    study = write_study(tmp_path, {"budget": {"trials": 10}})
    run, slow = tmp_path / "runs" / "toy", {"HEADSEARCH_TEST_EPOCH_S": "0.3"}
    driver = numpy_driver(study, **slow)
    assert driver.until(lambda: len(contents(run)) >= 3), driver.said
    driver.process.send_signal(signal.SIGTERM)
    assert driver.wait() == 1
    (line,) = driver.errors
    assert line.startswith("driver: the search was interrupted with ")

    before = contents(run)
    driver = numpy_driver(study, "--resume", str(run), **slow)
    assert driver.until(lambda: len(contents(run)) > len(before)), driver.said
    for _ in range(2):
        driver.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    assert driver.wait() == 1
    (line,) = driver.errors
    assert "interrupted" in line

    at_end = contents(run)
    assert at_end.items() >= before.items()
    resumed = finish(study, "--resume", str(run))
    assert resumed.process.returncode == 0, resumed.said
    check_complete(run, 12)
    assert contents(run).items() >= at_end.items()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_before_the_first_trial_leaves_nothing_half_written(tmp_path, number):
    study = write_study(tmp_path, {"training": {"epochs": 1}, "budget": {"trials": 2}})
    run = tmp_path / "runs" / "toy"
    driver = numpy_driver(study)
    assert driver.until(lambda: "data npz" in driver.said), driver.said
    driver.process.send_signal(number)
    assert driver.wait() == 1
    assert len(driver.errors) == 1, driver.errors
    assert "interrupted" in driver.errors[0]
    if number == signal.SIGTERM and not run.exists():
        return
    again = finish(study, *(["--resume", str(run)] if run.exists() else []))
    assert again.process.returncode == 0, again.said
    check_complete(run, 4)


@pytest.fixture
def copy(clean, tmp_path) -> Path:
    """A copy of the finished run, to be damaged."""
    return Path(shutil.copytree(clean, tmp_path / "copy"))


@pytest.fixture
def _signals():
    """Leaves this process's own handling of signals as it was."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.slow
@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\x00", b"null", b'{"ask": {"number": 3}}'])
def test_a_damaged_record_is_one_clear_line(copy, capsys, damage):
    path = copy / "records" / "00003.json"
    path.write_bytes(damage)
    assert main(["resume", str(copy), "--set", "budget.trials=11"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"search.py: a record must parse, but {path} does not")


@pytest.mark.slow
@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize(
    "setting", ["seed=3", "objective.metric=mcc", "trunk.width=0.2", "split.seed=1", "training.epochs=4"]
)
def test_a_change_that_makes_rows_incomparable_is_refused(copy, capsys, setting):
    before = (copy / "study.yaml").read_bytes()
    assert main(["resume", str(copy), "--set", setting]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "resume may change budget, " in line
    assert f", but not {setting.partition('.')[0].partition('=')[0]}: the rows of one run must be" in line
    assert (copy / "study.yaml").read_bytes() == before


@pytest.mark.slow
@pytest.mark.usefixtures("_signals")
def test_changed_data_is_refused(copy, clean, capsys, tmp_path):
    driving.write_data(tmp_path / "other.npz", seed=1)
    text = (copy / "study.yaml").read_text()
    original = str(clean.parents[1] / "data.npz")
    assert original in text
    (copy / "study.yaml").write_text(text.replace(original, str(tmp_path / "other.npz")))
    assert main(["resume", str(copy)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a run goes on with the data it began with" in line


@pytest.mark.slow
def test_a_finished_run_is_extended(copy, tmp_path):
    before = contents(copy)
    study = write_study(tmp_path)
    driver = finish(study, "--resume", str(copy), "--set", "budget.trials=19")
    assert driver.process.returncode == 0, driver.said
    check_complete(copy, 21)
    assert contents(copy).items() >= before.items()
    assert RunFolder(copy).study().budget.trials == 19


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_search_with_keras_is_interrupted_killed_and_completed(tmp_path):
    study = write_study(
        tmp_path, {"training": {"epochs": 8}, "budget": {"trials": 5}, "resources": {"workers": 1}}
    )
    run = tmp_path / "runs" / "toy"
    search = str(driving.ROOT / "search.py")
    first = Driver([search, "run", str(study), "--address", "local"], tmp_path)
    assert first.until(lambda: len(contents(run)) >= 3), first.said
    os.kill(first.process.pid, signal.SIGINT)
    assert first.wait() == 1
    assert len(first.errors) == 1, first.said
    assert first.errors[0].endswith("go on with: python search.py resume runs/toy")

    before = contents(run)
    resume = [search, "resume", str(run), "--address", "local"]
    second = Driver(resume, tmp_path)
    assert second.until(lambda: len(contents(run)) > len(before)), second.said
    killed_at = contents(run)
    assert killed_at.items() >= before.items()
    second.kill()
    assert contents(run).items() >= killed_at.items()

    third = Driver(resume, tmp_path)
    assert third.wait() == 0, third.said
    check_complete(run, 7)
    assert contents(run).items() >= killed_at.items()
    folder = RunFolder(run)
    assert all(record.state != "failed" for record in folder.records())
    assert len(folder.kept()) == 5
