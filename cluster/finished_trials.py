"""What the driver does with a finished trial: writes its record, ranks it, keeps good weights."""

import heapq
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from reports.boards.leaderboard import Board
from search.record import Record
from search.runs.run_folder import RunFolder
from search.trials.trial import Finished
from spaces.study import Study

LEADERBOARD_S = 1.0
"""The leaderboard is rewritten at most so often while trials finish, and once at the end."""
LEADERBOARD_SHARE = 0.05
"""And so much of the time it may take: all rows are written anew, ever more of them."""


class Watcher(Protocol):
    """Is called with every trial once its record is written."""

    def on_record(self, finished: Finished) -> None:
        """Is told of a trial that has finished."""


class FinishedTrials:
    """Writes down every finished trial, keeps the best weights, and keeps the leaderboard live.

    What it does and holds per trial does not grow with the trials before, but for a row of the leaderboard.

    Args:
        folder: the run.
        study: says how many trials' weights are kept.
        records: what earlier executions finished.
        watcher: told of every trial.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        folder: RunFolder,
        study: Study,
        records: Iterable[Record],
        watcher: Watcher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._watcher, self._clock = folder, watcher, clock
        self._most = study.keep.checkpoints
        self._board = Board()
        self._best: list[tuple[float, int, str]] = []
        for record in records:
            self._add(record)
        self._kept = set(folder.kept())
        self._next_write = clock()

    def keep(self, finished: Finished) -> None:
        """Writes scores and weights, then the record: with the record in place, the trial is finished."""
        record, trial_id = finished.record, finished.record.ask.trial_id
        if finished.raw is not None and finished.score is not None:
            self._folder.write_scores(trial_id, finished.raw, finished.score)
        if finished.weights and self._is_among_best(record):
            self._kept.add(trial_id)
            self._folder.write_weights(trial_id, finished.weights)
        self._folder.write_record(record)
        self._add(record)
        for outdone in self._kept - {best for _, _, best in self._best}:
            self._folder.drop_weights(outdone)
            self._kept.discard(outdone)
        if self._clock() >= self._next_write:
            self.write_leaderboard()
        self._watcher.on_record(finished)

    def write_leaderboard(self) -> None:
        """Rewrites the leaderboard."""
        began = time.perf_counter()
        self._board.write(self._folder.leaderboard)
        self._folder.mirror_leaderboard()
        took_s = time.perf_counter() - began
        self._next_write = self._clock() + max(LEADERBOARD_S, took_s / LEADERBOARD_SHARE)

    def _add(self, record: Record) -> None:
        self._board.add(record)
        if record.ask.kind != "baseline" and record.value is not None:
            heapq.heappush(self._best, _merit(record))
            if len(self._best) > self._most:
                heapq.heappop(self._best)

    def _is_among_best(self, record: Record) -> bool:
        if record.ask.kind == "baseline" or record.value is None:
            return False
        return len(self._best) < self._most or _merit(record) > self._best[0]


def _merit(record: Record) -> tuple[float, int, str]:
    """The better value is larger, and of equal ones the earlier trial."""
    return record.value or 0.0, -record.ask.number, record.ask.trial_id
