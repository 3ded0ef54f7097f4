"""The study database on a real PostgreSQL: killed and back, another run's name, and no password anywhere."""

import json
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from search.runs.database.study_database import StudyDatabase, View, check
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
from spaces.study import Study
from tests.helpers import driving, postgres
from tests.helpers.driving import contents, finish, numpy_driver, write_study
from tests.helpers.shown import drawn, record, shows, trials, until


@pytest.fixture(scope="module")
def server():
    """A real PostgreSQL."""
    programs = postgres.binaries()
    if programs is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    server = postgres.Server(programs)
    yield server
    server.end()


@pytest.fixture
def password(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", server.password)


@pytest.mark.usefixtures("password")
def test_postgresql_is_killed_comes_back_and_holds_everything(server):
    asks = drawn()
    url = Study(database=server.url).database
    study = Study(name="toy", database=server.url)
    view = View(study=study, name="killed", run_id="r1", code_digest="c", file=Path("unused"))
    assert view.url == url == server.url.replace("postgresql:", "postgresql+psycopg:")
    check(url, "killed", None)
    records, said = [record(ask) for ask in asks], []
    with StudyDatabase(view, [], [], said.append) as database:
        for ask in asks[:4]:
            database.asked(ask)
            database.started(ask.trial_id)
            database.finished(records[ask.number])
        until(lambda: not database._writer._wanted)
        server.kill()
        began = time.monotonic()
        for ask in asks[4:]:
            database.asked(ask)
            database.started(ask.trial_id)
            database.finished(records[ask.number])
        assert time.monotonic() - began < 1, "the search waited for its database"
        until(lambda: said)
        with pytest.raises(RunError, match=r"the study database could not be reached: .*refused.*; start it"):
            check(url, "killed", "r1", attempts=1)
        server.start()
    assert len(said) == 2
    assert said[0].startswith("the study database fails, and the search goes on: ")
    assert said[1] == "the study database is written again"
    shows(url, records, "killed")

    check(url, "killed", "r1")
    for other in (None, "r2"):
        with pytest.raises(
            RunError, match="'killed' there belongs to another run; choose another --name"
        ) as refused:
            check(url, "killed", other)
        assert refused.value.exit_code == 2
    lines: list[str] = []
    other = View(study=study, name="killed", run_id="r2", code_digest="c", file=Path("unused"))
    late = StudyDatabase(other, [record(asks[0], value=0.0)], asks[:4], lines.append)
    late.started(asks[3].trial_id)  # until then nothing is in a hurry
    until(lambda: lines)
    late.close(timeout_s=0.1)
    assert "belongs to another run" in lines[0]
    shows(url, records, "killed")


def test_a_wrong_password_is_refused_before_anything_and_not_repeated(server, tmp_path):
    study = write_study(tmp_path, {"database": server.url})
    driver = finish(study, PGPASSWORD="wrong-but-private")
    assert driver.process.returncode == 2
    (line,) = driver.errors
    assert "the study database could not be reached: " in line
    assert "password authentication failed" in line
    assert "wrong-but-private" not in driver.said
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def logs(monkeypatch):
    """A folder of Ray's own for a test, short enough for the names of sockets."""
    folder = Path(tempfile.mkdtemp(prefix="hs-db-", dir="/tmp"))
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    yield folder
    driving.stop_all()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.usefixtures("password")
@pytest.mark.timeout(900)
def test_a_run_outlives_its_database_and_no_file_holds_the_password(server, logs, tmp_path, capsys):
    changes = {"name": "faults", "database": server.url, "budget": {"trials": 44}, "training": {"epochs": 2}}
    study = write_study(tmp_path, changes)
    run, url = tmp_path / "runs" / "faults", Study(database=server.url).database
    driver = numpy_driver(study, HEADSEARCH_TEST_EPOCH_S="0.5")
    assert driver.until(lambda: len(contents(run)) >= 4), driver.said

    before = len(contents(run))
    server.kill()
    over = time.monotonic() + 8
    assert driver.until(lambda: time.monotonic() > over), driver.said
    during = len(contents(run))
    assert during >= before + 2, "the search waited for its database"
    server.start()
    caught_up = {f"{k:05d}.json" for k in range(during)} & contents(run).keys()
    until(
        lambda: {f"{t.number:05d}.json" for t in trials(url, "faults") if t.state.is_finished()} >= caught_up
    )

    orphans = driver.kill()
    at_kill = contents(run)
    assert "RUNNING" in {trial.state.name for trial in trials(url, "faults")}
    server.kill()
    refused = finish(study, "--resume", str(run))
    assert refused.process.returncode == 2
    assert len(refused.errors) == 1
    assert "the study database could not be reached" in refused.errors[0]
    server.start()
    resumed = finish(study, "--resume", str(run))
    assert resumed.process.returncode == 0, resumed.said
    records = RunFolder(run).records()
    assert len(records) == 46
    assert contents(run).items() >= at_kill.items()
    shows(url, records, "faults")
    assert len(trials(url, "faults")) == 46

    shutil.copytree(tmp_path / "runs", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "runs")
    clash = finish(study)
    assert clash.process.returncode == 2
    assert "'faults' there belongs to another run; choose another --name" in clash.errors[0]
    assert not (tmp_path / "runs").exists()
    shows(url, records, "faults")

    driving.assert_gone(orphans)
    searched = _searched_for(server.password, [tmp_path, logs])
    assert any(path.name == "study.yaml" for path in searched)
    assert any(path.name.startswith("worker-") for path in searched)
    assert any(path.name.startswith("raylet") for path in searched)
    with capsys.disabled():
        print(
            f"\n{before} trials before the database was killed, {during} when it came back, {len(at_kill)} at"
        )
        print(f"the driver's kill -9, {len(records)} in the end, each once in the database;")
        print(f"{len(searched)} files searched for the password: in none")


def _searched_for(password: str, folders: list[Path]) -> list[Path]:
    """Reads every file of some folders; none may hold the password."""
    files = [
        path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    assert not [str(path) for path in files if password.encode() in path.read_bytes()]
    assert json.dumps(password)[1:-1] == password, "written the same in JSON"
    return files
