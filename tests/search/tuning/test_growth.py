"""What a trial costs the driver does not grow with the trials before it: counted here, never timed.

Times and memory at 100, 1,000 and 10,000 trials are measured by `tests/benchmarks/growth.py`.
"""

import gc
import random
import signal
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from ray.tune.experiment import Trial
from rich.console import Console

from cluster import finished_trials
from cluster.commands.run import start
from cluster.finished_trials import FinishedTrials
from reports.boards import leaderboard, reading
from reports.boards.columns import SCHEMA
from reports.boards.leaderboard import Board, row
from search.record import Estimate, Record
from search.runs.run_folder import RunFolder
from search.trials.trial import Finished
from search.tuning.history import BEST, LATEST, RENEWED_AFTER, History, SeenTrial
from spaces.study_file import parse, read
from tests.helpers import driving
from tests.helpers.bookkeeping import REFERENCE, RESOLVED, silent
from tests.helpers.numpy_trainer import numpy_trainer
from tests.helpers.records import record, seed_of

STUDY = parse({"keep": {"checkpoints": 3}, "trunk": {"name": "mlp"}, "budget": {"trials": 10_000}})


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    found = RunFolder(tmp_path / "runs" / "one")
    found.path.mkdir(parents=True)
    found.write_reference(REFERENCE, np.arange(4))
    found.create(STUDY, RESOLVED)
    return found


@pytest.fixture
def _no_disk(monkeypatch):
    """Nothing is written: what is counted is what the driver does besides."""
    for name in ("write_scores", "write_weights", "write_record", "drop_weights"):
        monkeypatch.setattr(RunFolder, name, lambda *_: None)


def finished(made: Record) -> Finished:
    raw = np.zeros(4, np.float32)
    return Finished(made, raw, raw, [np.ones(3)], done=True)


def large(number: int) -> Record:
    """A record with a long history, as trials of many epochs leave behind."""
    return record(
        number,
        value=(number * 7919 % 1009) / 1009,
        history=tuple((float(k), float(number), 0.1) for k in range(100)),
        metrics={name: Estimate(value=0.5, low=0.25, high=0.75) for name in ("f1", "mcc", "roc_auc")},
    )


def slowly_ranked(records: list[Record]) -> list[dict]:
    """All rows, sorted and ranked one by one."""
    rows = [{name: row(made).get(name) for name in SCHEMA.names} for made in records]
    measured = [r for r in rows if r["value"] is not None]
    for this in measured:
        trained = this["kind"] != "baseline"
        same = [r for r in measured if r["kind"] != "baseline" and r["params"] == this["params"]]
        alike = same if trained else [this]
        first = min(r["trial_id"] for r in alike)
        this["value_mean"] = float(sum(Fraction(r["value"]) for r in alike) / len(alike))
        this["seeds"] = len(alike) if trained else None
        this["seed_of"] = first if first != this["trial_id"] else None
    leads = [r for r in measured if r["seed_of"] is None]
    for this in measured:
        this["rank"] = 1 + sum(other["value_mean"] > this["value_mean"] for other in leads)
    measured.sort(key=lambda r: (-r["value_mean"], r["seed_of"] or r["trial_id"], r["trial_id"]))
    return measured + sorted((r for r in rows if r["value"] is None), key=lambda r: r["trial_id"])


@pytest.mark.parametrize("trials", [0, 1, 3, 300])
def test_the_leaderboard_is_that_of_all_records_in_whatever_order_they_came(trials, tmp_path):
    draws = random.Random(trials)
    values = [None, 0.0, 0.25, 0.25, 0.5, -0.5]
    records = [
        seed_of(
            draws.choice([number, number, draws.randrange(5)]),
            number,
            value=draws.choice([*values, draws.random()]),
            error=draws.choice([None, "it failed"]),
        )
        for number in draws.sample(range(100_000), trials)
    ]
    board = Board(records[: trials // 2])
    for made in records[trials // 2 :]:
        board.add(made)
        if draws.random() < 0.05:
            board.ranked()  # in between
    board.write(tmp_path / "board.parquet")
    found = pq.read_table(tmp_path / "board.parquet")
    assert found.schema.equals(SCHEMA, check_metadata=True)
    assert found.to_pylist() == slowly_ranked(records) == leaderboard.ranked(reversed(records))


@pytest.mark.parametrize("seed", range(2))
def test_a_run_holds_the_best_weights_and_all_rows_after_every_trial(seed, folder):
    draws, kept, number = random.Random(seed), [], 0
    for _ in range(2):  # executions of one run
        ticks = iter(range(0, 10_000_000, 2000))
        keeper = FinishedTrials(folder, STUDY, folder.records(), silent, clock=ticks.__next__)
        for _ in range(12):
            value = draws.choice([None, 0.1, 0.2, draws.random()])
            ask = record(number).ask.model_copy(
                update={"kind": draws.choice(["search", "search", "baseline"])}
            )
            kept.append(record(ask=ask, value=value))
            keeper.keep(finished(kept[-1]))
            trained = [made for made in kept if made.ask.kind == "search" and made.value is not None]
            best = sorted(trained, key=lambda made: (-made.value, made.ask.number))[:3]
            assert folder.kept() == sorted(made.ask.trial_id for made in best)
            assert reading.read(folder.leaderboard).rows == slowly_ranked(kept)
            number += 1


def test_weights_that_a_killed_driver_left_without_a_record_are_dropped(folder):
    folder.write_weights("00007", [np.ones(3)])
    keeper = FinishedTrials(folder, STUDY, [], silent)
    keeper.keep(finished(record(1)))
    assert folder.kept() == ["00001"]


def test_the_leaderboard_takes_a_twentieth_of_the_time_at_most(folder, monkeypatch):
    now, writes = [0.0], []
    monkeypatch.setattr(finished_trials.time, "perf_counter", lambda: now[0])

    def slow_write(board, path):
        writes.append(now[0])
        now[0] += 0.25

    monkeypatch.setattr(Board, "write", slow_write)
    keeper = FinishedTrials(folder, STUDY, [], silent, clock=lambda: now[0])
    for number in range(200):
        keeper.keep(finished(record(number)))
        now[0] += 0.1
    apart = np.diff(writes)
    assert len(writes) >= 4
    assert (apart >= 0.25 / finished_trials.LEADERBOARD_SHARE).all()
    assert (apart <= 0.25 / finished_trials.LEADERBOARD_SHARE + 0.5).all()


@pytest.mark.usefixtures("_no_disk")
def test_a_kept_trial_is_turned_into_a_row_once_and_folders_are_not_listed(folder, monkeypatch):
    rows, listed = [], []
    real, list_folder = leaderboard.row, RunFolder.kept
    monkeypatch.setattr(leaderboard, "row", lambda made: rows.append(made.ask.number) or real(made))
    monkeypatch.setattr(RunFolder, "kept", lambda folder: listed.append(1) or list_folder(folder))
    keeper = FinishedTrials(folder, STUDY, [record(number) for number in range(50)], silent)
    for number in range(50, 150):
        keeper.keep(finished(record(number)))
        keeper.write_leaderboard()
    assert rows == list(range(150))
    assert listed == [1]


@pytest.mark.usefixtures("_no_disk")
def test_the_keeper_holds_a_row_and_no_record(folder):
    keeper = FinishedTrials(folder, STUDY, [], silent)
    for number in range(300):
        keeper.keep(finished(large(number)))
    keeper.write_leaderboard()
    rows_before = keeper._board.ranked().nbytes
    tracemalloc.start()
    for number in range(300, 1500):
        keeper.keep(finished(large(number)))
    keeper.write_leaderboard()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Arrow's memory is not traced: it is what the leaderboard's rows take.
    assert held / 1200 < 300, "what its configuration stands at; a record takes 15,000"
    assert (keeper._board.ranked().nbytes - rows_before) / 1200 < 2000


def test_the_sampler_holds_a_bounded_number_of_trials():
    history, most = History(STUDY), 0
    values = [History(STUDY).draw(0, seed, {})[1] for seed in range(20)]
    for number in range(1600):
        history.begin(number, values[number % 20])
        history.end(number, SeenTrial(drawn=values[number % 20], ended=True, value=number / 1600, epochs=3))
        if history._study is not None and number % 10 == 9:
            most = max(most, len(history._study.get_trials(deepcopy=False)))
    seen = history.seen()
    assert len(seen) == BEST + LATEST
    assert seen[-1].value == 1599 / 1600
    assert 1000 < most <= BEST + LATEST + 2 * RENEWED_AFTER


@pytest.fixture
def _hangup():
    """Leaves this process's own handling of SIGHUP as it was."""
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.usefixtures("_hangup")
@pytest.mark.parametrize("halving", [False, True])
def test_tune_holds_no_trial_that_has_ended(halving, tmp_path, monkeypatch):
    """`forget_ended` shortens lists of Ray's own: this fails when Ray renames them, or has another."""
    alive, folders, keep = [], [], FinishedTrials.keep

    def counted(keeper: FinishedTrials, finished: Finished) -> None:
        keep(keeper, finished)
        gc.collect()
        trials = [thing for thing in gc.get_objects() if type(thing) is Trial]
        alive.append(len(trials))
        folders.append(max(len(list(Path(trial.local_path).parent.iterdir())) for trial in trials))

    monkeypatch.setattr(FinishedTrials, "keep", counted)
    monkeypatch.setenv("HEADSEARCH_TEST_FAULTS", "6=raise")
    path = driving.write_study(
        tmp_path,
        {
            "training": {"epochs": 2},
            "asha": {"enabled": halving, "grace": 1, "reduction": 2},
            "budget": {"trials": 14},
            "resources": {"workers": 2},
        },
    )
    start(read(path), path.parent, tmp_path / "runs", None, "local", Console(quiet=True), numpy_trainer)
    assert len(alive) == 16
    # Two that run, two that wait, the one that has just ended, and the one before it.
    assert max(alive) <= 6
    assert max(folders) <= 8


def test_a_result_that_ray_tune_formats_for_its_log_is_short():
    """It formats every result several times, arrays and all, whatever the level of its log."""
    assert repr(finished(large(7))) == "<Finished 00007>"
