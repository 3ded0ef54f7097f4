"""The study database shows what the records say, each once, whatever was in it."""

import os
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime

import optuna
import pytest
import sqlalchemy

from search.record import Ask
from search.runs.database.study_database import StudyDatabase, View
from search.runs.database.tables import StudyTables, reason
from spaces.study import Study
from tests.helpers.shown import STUDY, drawn, opened, record, shows, trials, until


@pytest.fixture(scope="module")
def asks() -> list[Ask]:
    return drawn()


@pytest.fixture
def view(tmp_path) -> View:
    return View(study=STUDY, name="toy", run_id="r1", code_digest="c", file=tmp_path / "optuna.db")


def test_optuna_reads_what_the_records_say(view, asks):
    said: list[str] = []
    infinite = {"value": None, "threshold": None, "steering_value": None, "history": (), "epochs": None}
    records = [
        record(asks[0], epochs=None, history=(), device="cpu"),
        record(asks[2]),
        record(asks[3]),
        record(asks[4], state="stopped"),
        record(asks[5], state="failed", error="nan in 'epoch' 3\x00", **infinite),
        record(asks[6], **infinite),
        record(asks[7], started_at=None),
    ]
    with StudyDatabase(view, [], [], said.append) as database:
        for ask in asks[:10]:
            database.asked(ask)
        database.started("00008")
        for one in records:
            database.started(one.ask.trial_id)
            database.finished(one)
        database.started("00009")
        database.lost("00009")
        until(lambda: not database._writer._wanted)
        running = trials(view.url)
    found = trials(view.url)
    assert said == []
    assert [trial.number for trial in found] == list(range(10))
    states = [trial.state.name for trial in running]
    assert states[:5] == ["COMPLETE", "WAITING", "COMPLETE", "COMPLETE", "PRUNED"]
    assert states[5:] == ["FAIL", "FAIL", "COMPLETE", "RUNNING", "WAITING"]
    assert abs((running[8].datetime_start - datetime.now()).total_seconds()) < 60
    assert [trial.state.name for trial in found][8] == "WAITING", "closed: nobody runs it"

    assert found[0].params == {}
    assert found[0].user_attrs["baseline"] == "prevalence"
    author = asks[2].config
    assert found[2].params == {}
    assert {name: found[2].user_attrs[name] for name in ("head", "optimizer", "batch_size")} == {
        "head": author.head,
        "optimizer": author.optimizer,
        "batch_size": author.batch_size,
    }
    assert found[3].params == asks[3].drawn
    assert found[3].distributions["learning_rate"] == optuna.distributions.FloatDistribution(
        1e-4, 1e-2, log=True
    )
    assert found[3].value == 0.53
    assert found[3].intermediate_values == {1: 0.4, 2: 0.6, 3: 0.5}
    assert found[3].user_attrs.items() >= {
        "trial_id": "00003", "kind": asks[3].kind, "head": asks[3].config.head, "loss": asks[3].config.loss,
        "learning_rate": asks[3].config.learning_rate, "threshold": 0.25, "node": "10.0.0.1", "device": "cpu",
    }.items()  # fmt: skip
    assert "error" not in found[3].user_attrs
    began = datetime(2026, 3, 1, 9, 0, 3, 250_000, tzinfo=UTC).astimezone().replace(tzinfo=None)
    assert found[3].datetime_start == began
    assert found[3].datetime_complete.second == 3
    assert found[4].value == 0.54
    assert found[5].user_attrs["error"].startswith("nan in 'epoch' 3")
    assert (found[6].user_attrs["state"], found[6].user_attrs["error"]) == (
        "completed",
        "its value is undefined",
    )
    assert found[7].duration.total_seconds() == 2.0
    with opened(view.url) as study:
        assert study.direction.name == "MAXIMIZE"
        notes = study.user_attrs
    assert notes.items() >= {"run": "toy", "objective": "f1", "code_digest": "c"}.items()
    assert notes["headsearch"].startswith("written by headsearch; a view")


def test_the_study_of_an_error_is_to_be_small(view, tmp_path):
    from tests.helpers.task_runs import NUMBER_TASK, study_of

    of_errors = replace(view, study=study_of(NUMBER_TASK))
    with StudyDatabase(of_errors, [], [], [].append):
        pass
    with opened(of_errors.url) as study:
        assert study.direction.name == "MINIMIZE"


def test_a_database_becomes_what_the_records_say_whatever_was_in_it(view, asks):
    records = [record(ask) for ask in asks]
    with StudyDatabase(view, records[:6], asks[:8], print):
        pass  # as a driver leaves it that was killed with two in flight
    with opened(view.url) as study:
        study.add_trial(optuna.trial.create_trial(value=9.9, user_attrs={"trial_id": "00099"}))
    engine = sqlalchemy.create_engine(view.url)
    with engine.begin() as connection:
        for change in (
            "UPDATE trials SET state = 'RUNNING' WHERE number = 3",
            "INSERT INTO trials (number, study_id, state) VALUES (4, 1, 'RUNNING')",
            "DELETE FROM trials WHERE number = 1",
            "UPDATE trials SET state = 'COMPLETE' WHERE number = 7",
        ):
            connection.execute(sqlalchemy.text(change))
    engine.dispose()
    again = record(asks[2], value=0.1, finished_at="2026-03-02T00:00:00.000+00:00")  # it ran again
    final = [*records[:2], again, *records[3:6]]
    with StudyDatabase(view, final, asks[:8], print):
        pass
    shows(view.url, final)
    assert [trial.state.name for trial in trials(view.url)][6:] == ["WAITING", "WAITING"]

    before = view.file.read_bytes()
    with StudyDatabase(view, final, asks[:8], print):
        pass
    assert view.file.read_bytes() == before, "what is shown already was written again"

    view.file.unlink()
    with StudyDatabase(view, records, asks, print):
        pass
    shows(view.url, records)


def test_a_disk_that_is_full_or_away_does_not_stop_the_search(view, asks, tmp_path):
    away = View(study=STUDY, name="toy", run_id="r1", code_digest="c", file=tmp_path / "gone" / "optuna.db")
    said: list[str] = []
    database = StudyDatabase(away, [], [], said.append)
    for ask in asks:
        database.asked(ask)
        database.started(ask.trial_id)  # until then nothing is in a hurry
        database.finished(record(ask))
    until(lambda: said)
    assert said == ["the study database fails, and the search goes on: unable to open database file"]
    began = time.monotonic()
    database.close(timeout_s=1.5)
    assert 1 < time.monotonic() - began < 20
    assert said[1:] == [
        "the study database could not be reached: unable to open database file; resume writes what is missing"
    ]
    database._writer._thread.join(30)
    assert not database._writer._thread.is_alive()
    away.file.parent.mkdir()
    mounted = (
        os.getuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(away.file.parent)], capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("filling a disk needs a file system of one's own, which only root may mount")
    try:
        said.clear()
        full = StudyDatabase(away, [record(ask) for ask in asks[:-1]], asks, said.append)
        full.started(asks[-1].trial_id)
        full.finished(record(asks[-1]))
        until(lambda: said)
        assert "database or disk is full" in said[0] or "disk I/O error" in said[0]
        resized = ["mount", "-o", "remount,size=8m", str(away.file.parent)]
        subprocess.run(resized, check=True)
        until(lambda: not full._writer._wanted)
        full.close()
        assert said[1:] == ["the study database is written again"]
        shows(away.url, [record(ask) for ask in asks])
    finally:
        subprocess.run(["umount", str(away.file.parent)], check=True)


def test_news_that_come_while_older_ones_are_written_are_not_lost(view, asks, monkeypatch):
    put, newer = StudyTables.put, [record(asks[3])]

    def slow_put(self, *arguments):
        if newer and 3 in [row.number for row in arguments[1]]:
            database.finished(newer.pop())
        return put(self, *arguments)

    monkeypatch.setattr(StudyTables, "put", slow_put)
    with StudyDatabase(view, [], [], print) as database:
        for ask in asks[:4]:
            database.asked(ask)
            database.started(ask.trial_id)
        until(lambda: not newer)
    shows(view.url, [record(asks[3])])


def test_a_study_may_want_no_database(view, asks, tmp_path):
    none = Study(name="toy", database="none")
    quiet = View(study=none, name="toy", run_id="r1", code_digest="c", file=tmp_path / "optuna.db")
    with StudyDatabase(quiet, [record(asks[0])], asks, print) as database:
        database.asked(asks[1])
        database.started("00001")
        database.finished(record(asks[1]))
    assert not view.file.exists()


def test_a_password_is_never_part_of_a_reason(monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    inner = RuntimeError("cannot log in\nwith hunter2")
    failed = sqlalchemy.exc.OperationalError("INSERT INTO secrets", {"a": "hunter2"}, inner)
    wrapped = optuna.exceptions.StorageInternalError("An exception is raised during the commit.")
    wrapped.__cause__ = failed
    for error in (inner, failed, wrapped):
        assert reason(error) == "cannot log in with ***"
