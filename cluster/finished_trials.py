"""What the driver does with a finished trial: writes its record, ranks it, keeps good weights."""

import time
from collections.abc import Callable, Iterable

from reports.boards.leaderboard import Board
from reports.boards.standings import Standings
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
        records = list(records)
        self._folder, self._on_record, self._clock = folder, on_record, clock
        self._most = study.keep.checkpoints
        self._board, self._standings = Board(records), Standings(records)
        self._kept = set(folder.kept())
        self._best: list[Record] = []
        for record in records:
            if record.ask.trial_id in self._kept:
                self._consider(record)
        self._next_write = clock()

    def keep(self, finished: Finished) -> None:
        """Writes scores and weights, then the record: with the record in place, the trial is finished."""
        record, trial_id = finished.record, finished.record.ask.trial_id
        if finished.raw is not None and finished.score is not None:
            self._folder.write_scores(trial_id, finished.raw, finished.score)
        self._standings.add(record)
        if finished.weights:
            self._consider(record)
        best = {one.ask.trial_id for one in self._best}
        if trial_id in best:
            self._kept.add(trial_id)
            self._folder.write_weights(trial_id, finished.weights)
        self._folder.write_record(record)
        self._board.add(record)
        for outdone in self._kept - best:
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

    def _consider(self, record: Record) -> None:
        """Takes a trial with weights among the best `keep.checkpoints`, as they stand now, or leaves it.

        Those are a trial of each of the best configurations, then further seeds of them; no baselines.
        Another seed moves its whole configuration, and weights that were dropped do not come back.
        """
        if record.ask.kind == "baseline" or record.value is None:
            return
        ordered = sorted([*self._best, record], key=self._standings.merit, reverse=True)
        shown: dict[int, Record] = {}
        for one in ordered:
            shown.setdefault(self._standings.of(one).first, one)
        further = [one for one in ordered if shown[self._standings.of(one).first] is not one]
        self._best = [*shown.values(), *further][: self._most]
