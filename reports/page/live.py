"""The page of a run that may be going on: what of it has changed since somebody last looked."""

import contextlib
import signal
import time
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe, get_context, resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.boards.all_rows import read_whole
from reports.boards.selection import known
from reports.page import facts, table
from reports.page.data import Contents, assembled, detail, detailed, importances_of
from reports.page.events import Detector
from search.record import Record
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
from spaces.study import Study

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

DETAIL_S = 0.05
"""Seconds that one look gives to curves and cuts of trials; what is left comes with the next look."""
MORE_TRIALS = 1.25
"""Importances are computed anew once there are so many times as many trials, and at the end."""

Key = tuple[str, str]
"""A part of the page: `("parts", name)`, or `("rows", trial id)` or `("details", trial id)`."""


class LivePage:
    """Reads a run as often as it is asked to, and says what has changed. It writes nothing.

    A look costs what has changed since the last one: records, curves and cuts are read once a trial.

    Args:
        run: the run, which need not have a finished trial yet.

    Raises:
        RunError: this is no run folder.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run, self._study, self._reference = run, run.study(), run.reference()
        self._detector = Detector.of(self._reference, self._study.events)
        self._events = None if self._detector is None else self._detector.whole()
        self._version, self._known = 0, dict[Key, tuple[Any, int]]()
        self._stamps: list[tuple[int, int] | None] = []
        self._complete = True
        self._records: dict[str, Record] = {}
        self._details: dict[str, dict[str, Any]] = {}
        self._facts: list[dict[str, Any]] | None = None
        self._importances = _Importances(run, self._study)

    def changes(self, since: int, *, ended: bool) -> dict[str, Any]:
        """Returns the parts, rows and details that changed after a version, and the version now.

        What is gone is null. Rows are without their rank, which stands in the part `ranks`, in the order of
        the part `order`.

        Args:
            since: the version that was last looked at; 0 for all.
            ended: whether no driver is at work, so that what takes long is worth being exact.

        Raises:
            RunError: a file of the run was damaged.
        """
        self._look(ended)
        found: dict[str, Any] = {"version": self._version, "parts": {}, "rows": {}, "details": {}}
        for (kind, name), (value, version) in self._known.items():
            if version > since:
                found[kind][name] = value
        return found

    def close(self) -> None:
        """Ends the process that computes beside."""
        self._importances.close()

    def _look(self, ended: bool) -> None:
        run = self._run
        stamps = [_stamp(run.leaderboard), _stamp(run.path / "selection.json")]
        same = stamps == self._stamps and self._complete and not self._importances.awaited(ended)
        if same or stamps[0] is None:
            return
        board = read_whole(run.leaderboard)
        if not board.rows:
            return
        self._read_records(board.rows)
        records = [self._records[name] for name in sorted(self._records)]
        if self._facts is None:
            self._facts = facts.facts(run, self._study, records, self._reference)
        else:
            self._facts = facts.renewed(self._facts, run, records)
        shown = [row["trial_id"] for row in detailed(board.rows) if row["trial_id"] in self._records]
        for name in self._details.keys() - set(shown):
            self._forget(name)
        began = time.monotonic()
        for name in shown:
            if name not in self._details and time.monotonic() - began < DETAIL_S:
                self._details[name] = detail(
                    run, self._study, self._records[name], self._reference, self._detector
                )
        self._complete, self._stamps = len(self._details) == len(shown), stamps
        contents = Contents(
            facts=self._facts,
            table={},
            importances=self._importances.of(len(records), ended),
            events=self._events,
            details={},
            selection=known(run),
        )
        parts = assembled(run, self._study, board, self._reference, contents)
        self._note({name: parts[name] for name in parts if name not in ("table", "details")}, board.rows)

    def _read_records(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Reads the records that are new, and forgets what is gone or was trained again."""
        ended = {row["trial_id"]: row["finished_at"] for row in rows}
        there = set(self._run.trial_ids())
        for name, record in list(self._records.items()):
            if name not in there or ended.get(name) != record.finished_at:
                del self._records[name]
                self._forget(name)
        for name in ended:
            if name in there and name not in self._records:
                self._records[name] = self._run.record(name)

    def _forget(self, name: str) -> None:
        """Forgets the curves and cuts of a trial."""
        gone = self._details.pop(name, None)
        if gone is not None and self._detector is not None:
            self._detector.give_back(gone["events"])

    def _note(self, parts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
        """Compares all that is shown now with what was shown before."""
        columns = table.values(rows)
        ids = columns["trial_id"]
        now: dict[Key, Any] = {("parts", name): value for name, value in parts.items()}
        now |= {("parts", "columns"): list(columns), ("parts", "order"): ids}
        now[("parts", "ranks")] = columns.pop("rank")
        for k, name in enumerate(ids):
            row = {column: values[k] for column, values in columns.items() if values[k] is not None}
            now[("rows", name)] = row
        now |= {("details", name): made for name, made in self._details.items()}
        now |= {key: None for key in self._known if key not in now}
        version = self._version + 1
        for key, value in now.items():
            before = self._known.get(key)
            if before is None or (before[0] is not value and before[0] != value):
                self._known[key] = value, version
                self._version = version


class _Importances:
    """Importances as they were computed last, in a process beside: they take up to a second.

    Args:
        run: the run.
        study: whose dimensions they are of.
    """

    def __init__(self, run: RunFolder, study: Study) -> None:
        self._run, self._study = run, study
        self._found: dict[str, Any] | None = None
        self._trials = self._latest = 0
        self._under_way = False
        self._process: BaseProcess | None = None
        self._pipe, self._its_pipe = Pipe()

    def close(self) -> None:
        """Ends the process, whatever it computes."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def awaited(self, ended: bool) -> bool:
        """Whether newer ones have just been computed, or would be, now that the run has ended."""
        if self._under_way:
            return self._pipe.poll()
        return ended and self._trials != self._latest

    def of(self, trials: int, ended: bool) -> dict[str, Any]:
        """Returns those that were computed last, and has them computed anew where it is time.

        Until the first ones are there, the shares are empty.

        Args:
            trials: how many there are now.
            ended: whether there will be no more.
        """
        if self._under_way and self._pipe.poll():
            self._found, self._under_way = self._pipe.recv() or self._found, False
        self._latest = trials
        due = trials > self._trials * MORE_TRIALS or (ended and trials != self._trials)
        if due and not self._under_way:
            self._trials, self._under_way = trials, True
            self._ask()
        return self._found or {"trials": trials, "least": 0, "shares": {}}

    def _ask(self) -> None:
        if self._process is None:
            self._process = get_context("spawn").Process(
                target=_compute, args=(self._its_pipe, self._run.path, self._study), daemon=True
            )
            # Inherited by the process: an interrupt is not for it. The tracker's start would lift it again.
            resource_tracker.ensure_running()
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            self._process.start()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._pipe.send(None)


def _compute(pipe: "Connection[Any, Any]", run: Path, study: Study) -> None:
    """Computes importances whenever it is asked to, until nobody is left to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.recv()
            found = None
            with contextlib.suppress(RunError):  # a damaged record, of which whoever watches is told anyway
                found = importances_of(RunFolder(run).records(), study)
            pipe.send(found)


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
