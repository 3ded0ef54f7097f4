"""Writes Optuna's tables by SQLAlchemy, whole trials at a time.

Optuna makes the tables and checks their version. Its own calls then cost 30 ms a trial and more with every
trial before, number trials by the order in which they come, and count one twice when the answer to a commit
is lost. So the rows are written here: with the run's own numbers, and as often as it takes.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import optuna
import sqlalchemy as sql
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy.exc import DBAPIError, IntegrityError

from search.runs.database.rows import TrialRow
from spaces.errors import RunError
from spaces.tasks import sign_of

POSTGRES = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
    "application_name": "headsearch",
}
"""What libpq is told: a server that is gone is noticed within half a minute."""
SQLITE = {"timeout": 20}
"""Seconds to wait for a reader that holds the file."""
RUN_ID = "run_id"
"""The note on a study that says whose it is."""


def _table(model: Any) -> sql.Table:
    return cast(sql.Table, model.__table__)


_STUDIES, _DIRECTIONS = _table(models.StudyModel), _table(models.StudyDirectionModel)
_STUDY_NOTES, _TRIALS = _table(models.StudyUserAttributeModel), _table(models.TrialModel)
_NOTES, _PARAMS = _table(models.TrialUserAttributeModel), _table(models.TrialParamModel)
_VALUES, _INTERMEDIATE = _table(models.TrialValueModel), _table(models.TrialIntermediateValueModel)
_OF_A_TRIAL = (_NOTES, _PARAMS, _VALUES, _INTERMEDIATE)


@dataclass(frozen=True)
class Shown:
    """A trial that the database holds.

    Args:
        trial_id: the database's own key of it.
        state: as shown.
        finished_at: of the record it shows; None if it shows none.
    """

    trial_id: int
    state: TrialState
    finished_at: str | None

    def shows(self, row: TrialRow) -> bool:
        """Whether a row is shown already: a record by the time it was finished, an ask by its state."""
        return self.state == row.state and self.finished_at == row.notes.get("finished_at")


class StudyTables:
    """The tables of one database, connected.

    Args:
        url: `sqlite:///FILE` or `postgresql+psycopg://...`.

    Raises:
        Exception: the database cannot be reached, or is no study database; see `reason`.
    """

    def __init__(self, url: str) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        connect = SQLITE if url.startswith("sqlite:") else POSTGRES
        self._storage = optuna.storages.RDBStorage(
            url, engine_kwargs={"pool_pre_ping": True, "connect_args": connect, "hide_parameters": True}
        )
        self._engine = self._storage.engine

    def close(self) -> None:
        """Disconnects."""
        self._storage.remove_session()
        self._engine.dispose()

    def study_of(self, name: str, run_id: str) -> int | None:
        """Returns the key of a run's study; None if there is none yet.

        Raises:
            RunError: another run has a study of that name.
        """
        with self._engine.connect() as connection:
            wanted = sql.select(_STUDIES.c.study_id).where(_STUDIES.c.study_name == name)
            study_id = connection.execute(wanted).scalar()
            if study_id is None:
                return None
            noted = sql.select(_STUDY_NOTES.c.value_json).where(
                _STUDY_NOTES.c.study_id == study_id, _STUDY_NOTES.c.key == RUN_ID
            )
            owner = connection.execute(noted).scalar()
        if owner != json.dumps(run_id):
            raise RunError(
                f"a run has a study of its own in the study database, but {name!r} there belongs to another "
                "run; choose another --name"
            )
        return int(study_id)

    def make_study(self, name: str, notes: Mapping[str, Any]) -> int:
        """Makes a run's study.

        Args:
            name: of the run.
            notes: `RUN_ID` among them, and the objective.

        Raises:
            RunError: another run was faster.
        """
        try:
            with self._engine.begin() as connection:
                made = connection.execute(sql.insert(_STUDIES).values(study_name=name))
                study_id = _key(made)
                less = sign_of(str(notes.get("objective"))) < 0
                direction = StudyDirection.MINIMIZE if less else StudyDirection.MAXIMIZE
                connection.execute(
                    sql.insert(_DIRECTIONS).values(study_id=study_id, objective=0, direction=direction)
                )
                noted = [
                    {"study_id": study_id, "key": k, "value_json": json.dumps(v)} for k, v in notes.items()
                ]
                connection.execute(sql.insert(_STUDY_NOTES), noted)
        except IntegrityError:
            known = self.study_of(name, str(notes[RUN_ID]))
            if known is None:
                raise
            return known
        return study_id

    def shown(self, study_id: int, known: Iterable[int]) -> dict[int, Shown]:
        """Returns what a study shows, by trial number, and removes what is not of the run or there twice.

        Args:
            study_id: the study.
            known: the numbers of the run's trials.
        """
        finished = (
            sql.select(_NOTES.c.trial_id, _NOTES.c.value_json).where(_NOTES.c.key == "finished_at").subquery()
        )
        wanted = (
            sql.select(_TRIALS.c.number, _TRIALS.c.trial_id, _TRIALS.c.state, finished.c.value_json)
            .outerjoin(finished, finished.c.trial_id == _TRIALS.c.trial_id)
            .where(_TRIALS.c.study_id == study_id)
            .order_by(_TRIALS.c.trial_id)
        )
        numbers, found, surplus = set(known), dict[int, Shown](), list[int]()
        with self._engine.begin() as connection:
            for number, trial_id, state, when in connection.execute(wanted):
                if number not in numbers or number in found:
                    surplus.append(trial_id)
                else:
                    found[number] = Shown(trial_id, state, None if when is None else json.loads(when))
            if surplus:
                _empty(connection, surplus)
                connection.execute(sql.delete(_TRIALS).where(_TRIALS.c.trial_id.in_(surplus)))
        return found

    def put(self, study_id: int, rows: Sequence[TrialRow], shown: Mapping[int, Shown]) -> dict[int, Shown]:
        """Writes trials, all or none, over what was shown of them.

        Args:
            study_id: the study.
            rows: the trials.
            shown: what the study shows.

        Returns:
            What it now shows of these trials.
        """
        now: dict[int, Shown] = {}
        with self._engine.begin() as connection:
            _empty(connection, [shown[row.number].trial_id for row in rows if row.number in shown])
            for row in rows:
                columns = {
                    "number": row.number,
                    "study_id": study_id,
                    "state": row.state,
                    "datetime_start": row.start,
                    "datetime_complete": row.complete,
                }
                if row.number in shown:
                    key = shown[row.number].trial_id
                    connection.execute(sql.update(_TRIALS).where(_TRIALS.c.trial_id == key).values(**columns))
                else:
                    made = connection.execute(sql.insert(_TRIALS).values(**columns))
                    key = _key(made)
                now[row.number] = Shown(key, row.state, row.notes.get("finished_at"))
            for table, lines in _lines(rows, now).items():
                if lines:
                    connection.execute(sql.insert(table), lines)
        return now


def reason(error: BaseException) -> str:
    """Returns why a database could not be used, in one line, without statements and without a password."""
    cause = error
    while cause.__cause__ is not None and not isinstance(cause, DBAPIError):
        cause = cause.__cause__
    if isinstance(cause, DBAPIError) and cause.orig is not None:
        cause = cause.orig
    text = " ".join(str(cause).split()) or type(cause).__name__
    password = os.environ.get("PGPASSWORD")
    return (text.replace(password, "***") if password else text)[:300]


def _key(made: sql.CursorResult[Any]) -> int:
    return int(next(iter(made.inserted_primary_key or ())))


def _empty(connection: sql.Connection, trial_ids: Sequence[int]) -> None:
    for start in range(0, len(trial_ids), 500):  # a statement takes only so many
        some = trial_ids[start : start + 500]
        for table in _OF_A_TRIAL:
            connection.execute(sql.delete(table).where(table.c.trial_id.in_(some)))


def _lines(rows: Sequence[TrialRow], shown: Mapping[int, Shown]) -> dict[sql.Table, list[dict[str, Any]]]:
    lines: dict[sql.Table, list[dict[str, Any]]] = {table: [] for table in _OF_A_TRIAL}
    for row in rows:
        key = {"trial_id": shown[row.number].trial_id}
        for name, note in row.notes.items():
            lines[_NOTES].append({**key, "key": name, "value_json": json.dumps(note)})
        for name, number, distribution in row.params:
            lines[_PARAMS].append(
                {**key, "param_name": name, "param_value": number, "distribution_json": distribution}
            )
        if row.value is not None:
            value, kind = models.TrialValueModel.value_to_stored_repr(row.value)
            lines[_VALUES].append({**key, "objective": 0, "value": value, "value_type": kind})
        for step, steered in row.intermediate.items():
            stored, type_ = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(steered)
            lines[_INTERMEDIATE].append(
                {**key, "step": step, "intermediate_value": stored, "intermediate_value_type": type_}
            )
    return lines
