"""What the driver does with a finished trial: writes its record, ranks it, keeps good weights."""

import heapq
import time
from collections.abc import Callable, Iterable

from reports.boards.leaderboard import Board
from search.record import Record
from search.runs.run_folder import RunFolder
from search.trials.trial import Finished
from spaces.study import Study

LEADERBOARD_S = 1.0
"""Least seconds between two writes of the leaderboard while trials finish; it is also written at the end."""
LEADERBOARD_SHARE = 0.05
"""Largest share of the time that those writes may take: each writes all rows anew."""


class FinishedTrials:
    """Writes down every finished trial, keeps the best weights, and keeps the leaderboard live.

    Work and memory per trial do not grow with the number of trials, but for writing the leaderboard.

    Args:
        folder: the run.
        study: says how many trials' weights are kept.
        records: what earlier executions finished.
        on_record: called with every trial once its record is written.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        folder: RunFolder,
        study: Study,
        records: Iterable[Record],
        on_record: Callable[[Finished], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._on_record, self._clock = folder, on_record, clock
        self._most = study.keep.checkpoints
        self._board = Board()
        self._best: list[tuple[tuple[bool, float], int, str]] = []
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
        self._on_record(finished)

    def write_leaderboard(self) -> None:
        """Rewrites the leaderboard."""
        began = time.perf_counter()
        self._board.write(self._folder.leaderboard)
        self._folder.mirror_leaderboard()
        took_s = time.perf_counter() - began
        self._next_write = self._clock() + max(LEADERBOARD_S, took_s / LEADERBOARD_SHARE)

    def _add(self, record: Record) -> None:
        self._board.add(record)
        if self._is_among_best(record):
            heapq.heappush(self._best, _merit(record))
            if len(self._best) > self._most:
                heapq.heappop(self._best)

    def _is_among_best(self, record: Record) -> bool:
        """Whether a trial is one of the best `keep.checkpoints`, baselines left out."""
        if record.ask.kind == "baseline" or record.value is None:
            return False
        return len(self._best) < self._most or _merit(record) > self._best[0]


def _merit(record: Record) -> tuple[tuple[bool, float], int, str]:
    """Orders trials: by merit, and of equal ones the earlier trial is the better one."""
    return record.merit, -record.ask.number, record.ask.trial_id
