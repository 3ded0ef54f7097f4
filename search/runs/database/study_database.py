"""The study database: a view of a run for Optuna's dashboard, written beside the search and never read by it.

The records are the truth. Whatever the database does, the search goes on; what is missing is written when it
answers again, or by the next `resume`.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from search.record import Ask, Record
from search.runs.database.rows import TrialRow, of_ask, of_record
from search.runs.database.tables import RUN_ID, Shown, StudyTables, reason
from spaces.errors import RunError
from spaces.study import Study

BATCH = 100
"""Trials written in one transaction."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
"""Before the first attempt after a failure, and the longest before a later one."""
CLOSE_S = 30.0
"""What the end of a run waits for its database."""
VIEW = "written by headsearch; a view: the records in the run's folder are the truth"


@dataclass(frozen=True, kw_only=True)
class View:
    """Which study of which database shows a run.

    Args:
        study: what is searched; `study.database` says where to.
        name: of the run and of Optuna's study.
        run_id: distinguishes it from another run of that name.
        code_digest: stands beside it.
        file: where a database of its own lies.
    """

    study: Study
    name: str
    run_id: str
    code_digest: str
    file: Path

    @property
    def url(self) -> str | None:
        """Returns the address of the database; None if the study wants none."""
        named = self.study.database
        return {"none": None, "sqlite": f"sqlite:///{self.file.absolute()}"}.get(named, named)


def check(database: str, name: str, run_id: str | None, attempts: int = 3) -> None:
    """Refuses a run whose database on a server cannot be written; a file of the run's own is not looked at.

    Args:
        database: as the study names it.
        name: of the run.
        run_id: of the run; None for a new one.
        attempts: two runs that make the tables at the same moment get in each other's way.

    Raises:
        RunError: no database answers there, or another run has a study of that name.
    """
    if database in ("none", "sqlite"):
        return
    for attempt in range(attempts):
        try:
            tables = StudyTables(database)
            try:
                tables.study_of(name, run_id or "")
            finally:
                tables.close()
        except RunError:
            raise
        except Exception as error:
            if attempt == attempts - 1:
                raise RunError(
                    f"the study database could not be reached: {reason(error)}; "
                    "start it, or use --set database=sqlite"
                ) from None
            time.sleep(0.5)
        else:
            return


class StudyDatabase:
    """Shows a run in a database, from a thread of its own: no call here waits for it.

    Trials left running by a driver that was killed wait again; the database then holds each trial once, by
    its number in the run, whatever was in it before.

    Args:
        view: where to.
        records, asks: what earlier executions of the run finished and asked.
        say: told in one line when the database fails, and when it is back.
    """

    def __init__(
        self, view: View, records: Iterable[Record], asks: Iterable[Ask], say: Callable[[str], None]
    ) -> None:
        self._view, self._say, self._url = view, say, view.url
        self._changed = threading.Condition()
        self._closing = self._given_up = False
        self._asks: dict[int, Ask] = {}
        self._known: set[int] = set()
        self._wanted: dict[int, Callable[[], TrialRow]] = {}
        self._trouble: str | None = None
        finished = {record.ask.number: record for record in records}
        for ask in asks:
            if ask.number not in finished:
                self.asked(ask)
        for record in finished.values():
            self.finished(record)
        self._thread = threading.Thread(target=self._write_on, name="study database", daemon=True)
        if self._url is not None:
            self._thread.start()

    def __enter__(self) -> "StudyDatabase":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def asked(self, ask: Ask) -> None:
        """Shows a trial that waits for a worker."""
        self._asks[ask.number] = ask
        self._want(ask.number, lambda: of_ask(ask, self._view.study))

    def started(self, trial_id: str) -> None:
        """Shows a trial that a worker has begun."""
        ask, now = self._asks.get(int(trial_id)), datetime.now(UTC)
        if ask is not None:
            self._want(ask.number, lambda: of_ask(ask, self._view.study, now))

    def lost(self, trial_id: str) -> None:
        """Shows a trial that lost its worker, and waits for another one."""
        ask = self._asks.get(int(trial_id))
        if ask is not None:
            self.asked(ask)

    def finished(self, record: Record) -> None:
        """Shows a finished trial."""
        self._asks.pop(record.ask.number, None)
        self._want(record.ask.number, lambda: of_record(record, self._view.study))

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Writes what is left; trials in flight wait from now on, for that is what they do until a resume.

        Args:
            timeout_s: waits so long for a database that does not answer, and then says so.
        """
        if self._url is None or self._closing:
            return
        for ask in list(self._asks.values()):
            self.asked(ask)
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

    def _want(self, number: int, row: Callable[[], TrialRow]) -> None:
        """Only the latest of a trial is kept, so that a database that is away for long costs no memory."""
        if self._url is None:
            return
        with self._changed:
            self._known.add(number)
            self._wanted.pop(number, None)
            self._wanted[number] = row
            self._changed.notify()

    def _write_on(self) -> None:
        """Writes until closed; after a failure from a new connection, for who knows what was committed."""
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
        tables, view = StudyTables(self._url), self._view
        with contextlib.closing(tables):
            study_id = tables.study_of(view.name, view.run_id)
            if study_id is None:
                study_id = tables.make_study(view.name, _notes(view))
            with self._changed:
                known = set(self._known)
            shown = tables.shown(study_id, known)
            while batch := self._next():
                self._write(tables, study_id, batch, shown)

    def _next(self) -> dict[int, Callable[[], TrialRow]]:
        """Waits for something to write; nothing once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._closing)
            return {number: self._wanted[number] for number in list(self._wanted)[:BATCH]}

    def _write(
        self,
        tables: StudyTables,
        study_id: int,
        batch: dict[int, Callable[[], TrialRow]],
        shown: dict[int, Shown],
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


def _notes(view: View) -> dict[str, str]:
    return {
        RUN_ID: view.run_id,
        "run": view.name,
        "objective": view.study.objective.metric,
        "code_digest": view.code_digest,
        "headsearch": VIEW,
    }
