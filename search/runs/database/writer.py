"""The thread that writes changed trials into the study database, and survives the database's failures."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from search.runs.database.rows import TrialRow
    from search.runs.database.tables import Shown, StudyTables

BATCH = 100
"""Trials written in one transaction."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
"""Before the first attempt after a failure, and the longest before a later one."""
BEFORE_S = 20.0
"""The first trial need not wait until SQLAlchemy and Optuna are imported; but no longer than this either."""


class DatabaseWriter:
    """Writes the latest of each trial, in its own thread: no call here waits for the database.

    Args:
        url: of the database; None writes nothing.
        name, run_id: which study of the database is the run's.
        notes: attributes of the study, written when it has to be made.
        say: called with one line when the database fails, and when it is back.
    """

    def __init__(
        self, url: str | None, name: str, run_id: str, notes: dict[str, str], say: Callable[[str], None]
    ) -> None:
        self._url, self._name, self._run_id, self._notes, self._say = url, name, run_id, notes, say
        self._changed, self._begin = threading.Condition(), threading.Event()
        self._closing = self._given_up = False
        self._known: set[int] = set()
        self._wanted: dict[int, Callable[[], TrialRow]] = {}
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._write_on, name="study database", daemon=True)

    def start(self) -> None:
        """Begins to write, once there is no hurry elsewhere: see `hurry`."""
        if self._url is not None:
            self._thread.start()

    def hurry(self) -> None:
        """Has what is wanted written now, since nothing waits for this process any more."""
        self._begin.set()

    def want(self, number: int, row: Callable[[], "TrialRow"]) -> None:
        """Has a trial written: the latest alone, so that a database that is away for long costs no memory."""
        if self._url is None:
            return
        with self._changed:
            self._known.add(number)
            self._wanted.pop(number, None)
            self._wanted[number] = row
            self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Writes what is left; waits so long for a database that does not answer, and then says so."""
        if self._url is None or self._closing:
            return
        self.hurry()
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._given_up = True
            self._tell(
                f"the study database could not be reached: {self._trouble or 'it does not answer'}; "
                "resume writes what is missing"
            )

    def _write_on(self) -> None:
        """Writes until closed; after a failure from a new connection, for who knows what was committed."""
        self._begin.wait(BEFORE_S)
        from search.runs.database.tables import reason

        pause_s = PAUSE_S
        while not self._given_up:
            try:
                self._write_until_closed()
                return
            except Exception as error:  # whatever it is: it must not touch the search
                if self._trouble is None:
                    pause_s = PAUSE_S
                    self._tell(f"the study database fails, and the search goes on: {reason(error)}")
                self._trouble = reason(error)
            with self._changed:
                self._changed.wait_for(lambda: self._closing, pause_s)
                closing = self._closing
            if closing:
                time.sleep(PAUSE_S)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _write_until_closed(self) -> None:
        if self._url is None:
            return
        from search.runs.database.tables import RUN_ID, StudyTables

        tables = StudyTables(self._url)
        with contextlib.closing(tables):
            study_id = tables.study_of(self._name, self._run_id)
            if study_id is None:
                study_id = tables.make_study(self._name, {RUN_ID: self._run_id, **self._notes})
            with self._changed:
                known = set(self._known)
            shown = tables.shown(study_id, known)
            while batch := self._next():
                self._write(tables, study_id, batch, shown)

    def _next(self) -> dict[int, Callable[[], "TrialRow"]]:
        """Waits for something to write; nothing once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._closing)
            return {number: self._wanted[number] for number in list(self._wanted)[:BATCH]}

    def _write(
        self,
        tables: "StudyTables",
        study_id: int,
        batch: dict[int, Callable[[], "TrialRow"]],
        shown: dict[int, "Shown"],
    ) -> None:
        rows = [make() for make in batch.values()]
        rows = [row for row in rows if row.number not in shown or not shown[row.number].shows(row)]
        if rows:
            shown.update(tables.put(study_id, rows, shown))
        with self._changed:
            for number, row in batch.items():
                if self._wanted[number] is row:  # nothing newer has come meanwhile
                    del self._wanted[number]
        if self._trouble is not None:
            self._trouble = None
            self._tell("the study database is written again")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(OSError):  # a terminal that went away is not an error
            self._say(line)
