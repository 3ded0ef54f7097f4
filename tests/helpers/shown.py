"""Asks and records as a search leaves them, and what Optuna reads of them in a study database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import sqlalchemy
from optuna.trial import TrialState

from search.record import Ask, Record
from search.tuning.searcher import HeadSearcher
from spaces.study import Study
from tests.helpers.records import record as made

STUDY = Study(name="toy")
N = 12


def drawn(count: int = N) -> list[Ask]:
    """What a searcher asks first: two baselines, the author's configuration, then draws."""
    asks: list[Ask] = []
    searcher = HeadSearcher(STUDY, [], [], asks.append)
    for number in range(count):
        searcher.suggest(str(number))
    return asks


def record(ask: Ask, **changes) -> Record:
    """A trial that went well, unless told otherwise."""
    fields = {
        "ask": ask,
        "value": 0.5 + ask.number / 100,
        "threshold": 0.25,
        "epochs": 3,
        "history": ((0.9, 0.4, 1e-3), (0.8, 0.6, 1e-3), (0.7, 0.5, 1e-3)),
        "train_s": 2.0,
        "started_at": f"2026-03-01T10:00:{ask.number:02d}.250+01:00",
        "finished_at": f"2026-03-01T09:01:{ask.number:02d}.500+00:00",
        "node": "10.0.0.1",
    }
    return made(**{**fields, **changes})


@contextmanager
def opened(url: str, name: str = "toy") -> Iterator[optuna.Study]:
    """A study as Optuna itself reads it."""
    storage = optuna.storages.RDBStorage(url)
    yield optuna.load_study(study_name=name, storage=storage)
    storage.remove_session()
    storage.engine.dispose()


def trials(url: str, name: str = "toy") -> list[optuna.trial.FrozenTrial]:
    """The trials that Optuna itself reads."""
    with opened(url, name) as study:
        return study.trials


def rows_of(url: str, name: str) -> int:
    """How many trials a study has in the tables; Optuna shows those of one number as one."""
    engine = sqlalchemy.create_engine(url)
    count = "SELECT count(*) FROM trials JOIN studies USING (study_id) WHERE study_name = :name"
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.text(count), {"name": name}).scalar()
    engine.dispose()
    return found


def until(condition, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def shows(url: str, records: list[Record], name: str = "toy") -> None:
    """Asserts that a database holds each record once, by number, with its value and state."""
    states = {"completed": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
    found = {trial.number: trial for trial in trials(url, name)}
    assert rows_of(url, name) == len(found)
    assert [t.user_attrs["trial_id"] for t in trials(url, name)] == [f"{n:05d}" for n in found]
    for one in records:
        trial = found[one.ask.number]
        assert trial.state == states[one.state]
        assert trial.values == (None if one.value is None else [one.value])
        assert trial.params == one.ask.drawn
        assert trial.user_attrs["finished_at"] == one.finished_at
