"""A driver's bookkeeping without Ray: asks noted, made-up trials kept, a run resumed from what stands."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from cluster.finished_trials import FinishedTrials
from search.record import Ask
from search.runs.recovery import claimed, reunited
from search.runs.run_folder import RunFolder
from search.scores.half_splits import Halves
from search.scores.reference import Reference
from search.trials.trial import Finished
from spaces.study import Study
from spaces.study_file import parse
from tests.helpers.records import config_of, record

TRIALS = 2
RESOLVED = {"run_id": "one", "data_digest": "d", "split_digest": "s"}
REFERENCE = Reference(
    y=np.array([0, 1, 0, 1], np.int8),
    groups=None,
    recordings=None,
    times=None,
    halves=Halves("row", np.array([[True, False], [True, True], [False, True], [False, False]])),
)


def silent(finished):
    """Takes the place of a progress view."""


def study_in(storage: Path | str | None) -> Study:
    """Returns a study that keeps one trial's weights."""
    return parse({"keep": {"checkpoints": 1}, "storage": None if storage is None else str(storage)})


def ask_of(number: int) -> Ask:
    """Returns what is asked of a trial, the same every time."""
    drawn = {"learning_rate": 1e-3}
    return Ask(number=number, kind="search", config=config_of(number), drawn=drawn, seed=number)


def trial(number: int) -> Finished:
    """Returns what a trial comes to, the same every time; the later, the better."""
    raw = np.linspace(-1, number, 4, dtype=np.float32)
    made = record(ask=ask_of(number), value=0.1 * number)
    return Finished(made, raw, raw * 2, [np.full(3, number)], done=True)


def begin(path: Path, study: Study) -> RunFolder:
    """Makes a run, as `cluster.commands.run.start` does."""
    folder = RunFolder(path, claimed(study.storage, path))
    path.mkdir(parents=True)
    folder.write_reference(REFERENCE, np.arange(4))
    folder.create(study, RESOLVED)
    return folder


def go_on(folder: RunFolder, study: Study, trials: int = TRIALS) -> None:
    """Asks, and keeps, what has not finished, as `cluster.commands.run` does."""
    records = folder.records()
    asked = {ask.number: ask for ask in folder.asks()}
    ticks = iter(range(0, 10_000_000, 2000))
    keeper = FinishedTrials(folder, study, records, silent, clock=ticks.__next__)
    for number in sorted(set(range(trials)) - {made.ask.number for made in records}):
        if number not in asked:
            folder.append_ask(ask_of(number))
        keeper.keep(trial(number))
    keeper.write_leaderboard()
    folder.mirror_leaderboard(at_once=True)


def resume(path: Path, study: Study, trials: int = TRIALS) -> RunFolder:
    """Goes on with a run, as `cluster.commands.run.resume` does."""
    folder = reunited(path, study)
    go_on(folder, study, trials)
    return folder


def check_readable(path: Path) -> set[str]:
    """Asserts that a run's files are whole and its finished trials too; returns these."""
    folder = RunFolder(path)
    if folder.leaderboard.exists():
        pq.ParquetFile(folder.leaderboard).read()
    records = folder.records()
    for made in records:
        check_trial(folder, made.ask.number)
    for trial_id in folder.kept():
        np.testing.assert_array_equal(folder.weights(trial_id)[0], trial(int(trial_id)).weights[0])
    return {made.ask.trial_id for made in records}


def check_trial(folder: RunFolder, number: int) -> None:
    """Asserts that a trial stands in a run as it came in."""
    expected = trial(number)
    found = folder.record(f"{number:05d}")
    assert found.model_copy(update={"digests": {}}) == expected.record
    assert found.digests.keys() == {"raw", "score"}
    for found, wrote in zip(folder.scores(f"{number:05d}"), (expected.raw, expected.score), strict=True):
        np.testing.assert_array_equal(found, wrote)


def check_complete(path: Path, trials: int = TRIALS) -> None:
    """Asserts that a run holds every trial once, and nothing half written."""
    assert check_readable(path) == {f"{number:05d}" for number in range(trials)}
    rows = pq.ParquetFile(path / "leaderboard.parquet").read().to_pylist()
    assert sorted(row["trial_id"] for row in rows) == [f"{number:05d}" for number in range(trials)]
    # A driver that ends before it has dropped what is no longer among the best leaves one more.
    assert f"{trials - 1:05d}" in RunFolder(path).kept()
    np.testing.assert_array_equal(RunFolder(path).reference().y, REFERENCE.y)
    assert not list(path.rglob("*.tmp"))
