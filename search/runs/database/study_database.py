"""The study database: shows a run to Optuna's dashboard. The search never reads it.

The records are the truth. Whatever the database does, the search goes on; what is missing is written when it
answers again, or by the next `resume`.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from search.record import Ask, Record
from search.runs.database.writer import DatabaseWriter
from spaces.errors import RunError
from spaces.study import Study

if TYPE_CHECKING:
    from search.runs.database.rows import TrialRow

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
        code_digest: written as a note of the study.
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
    from search.runs.database.tables import StudyTables, reason

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
        say: called with one line when the database fails, and when it is back.
    """

    def __init__(
        self, view: View, records: Iterable[Record], asks: Iterable[Ask], say: Callable[[str], None]
    ) -> None:
        self._study = view.study
        self._asks: dict[int, Ask] = {}
        self._writer = DatabaseWriter(view.url, view.name, view.run_id, _notes(view), say)
        finished = {record.ask.number: record for record in records}
        for ask in asks:
            if ask.number not in finished:
                self.asked(ask)
        for record in finished.values():
            self.finished(record)
        self._writer.start()

    def __enter__(self) -> "StudyDatabase":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def asked(self, ask: Ask) -> None:
        """Shows a trial that waits for a worker."""
        self._asks[ask.number] = ask
        self._writer.want(ask.number, lambda: _of_ask(ask, self._study))

    def started(self, trial_id: str) -> None:
        """Shows a trial that a worker has begun."""
        ask, now = self._asks.get(int(trial_id)), datetime.now(UTC)
        if ask is not None:
            self._writer.want(ask.number, lambda: _of_ask(ask, self._study, now))
            if ask.kind != "baseline":
                self._writer.hurry()

    def lost(self, trial_id: str) -> None:
        """Shows a trial that lost its worker, and waits for another one."""
        ask = self._asks.get(int(trial_id))
        if ask is not None:
            self.asked(ask)

    def finished(self, record: Record) -> None:
        """Shows a finished trial."""
        self._asks.pop(record.ask.number, None)
        self._writer.want(record.ask.number, lambda: _of_record(record, self._study))

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Writes what is left; trials in flight wait from now on, for that is what they do until a resume.

        Args:
            timeout_s: waits so long for a database that does not answer, and then says so.
        """
        for ask in list(self._asks.values()):
            self.asked(ask)
        self._writer.close(timeout_s)


def _of_ask(ask: Ask, study: Study, began: datetime | None = None) -> "TrialRow":
    from search.runs.database.rows import of_ask  # late, in the writer's thread: with Optuna

    return of_ask(ask, study, began)


def _of_record(record: Record, study: Study) -> "TrialRow":
    from search.runs.database.rows import of_record

    return of_record(record, study)


def _notes(view: View) -> dict[str, str]:
    return {
        "run": view.name,
        "objective": view.study.objective.metric,
        "code_digest": view.code_digest,
        "headsearch": VIEW,
    }
