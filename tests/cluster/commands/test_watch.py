"""`watch` of runs that go on, have ended, were damaged or are none; and that Ctrl-C ends it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import closing

import pytest
from ray.cluster_utils import Cluster

from cluster.cli import main
from cluster.commands.watched_run import Watched
from cluster.host_notes import Host, HostNotes
from search.runs.driver_lock import DriverLock
from search.runs.run_folder import RunFolder
from tests.conftest import ROOT
from tests.helpers.driving import environment, numpy_driver, write_study
from tests.helpers.growing import GrowingRun
from tests.helpers.pages import made

HOST = Host(address="10.0.0.7", workers=2, cpus=4.0, cpus_held=2.0, gpus=2.0, gpus_held=0.5)


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> RunFolder:
    return made(tmp_path_factory.mktemp("watched") / "toy", 12, quick=True)


@pytest.fixture
def run(toy, tmp_path) -> GrowingRun:
    return GrowingRun(toy, tmp_path / "toy")


def told(watched: Watched, since: int = 0) -> dict:
    return json.loads(watched.changes(since))


def test_a_run_that_is_none_is_one_line(tmp_path, capsys):
    assert main(["watch", str(tmp_path / "toy")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"search.py: a run is a folder with a study.yaml, but {tmp_path}/toy has none"
    assert main(["watch", "s3://bucket/toy"]) == 2
    assert "this takes a run's folder, but got a URI" in capsys.readouterr().err
    assert main(["watch", str(tmp_path), "--port", "0"]) == 2
    assert "'--port': must be greater than or equal to 1, but got '0'" in capsys.readouterr().err


def test_it_says_what_status_says(run):
    from cluster.commands.status import as_json, status

    with closing(Watched(run.folder.path)) as watched:
        for trials in (0, 3, 9):
            run.grow(trials)
            now = told(watched)["now"]
            assert now.pop("hosts") is now.pop("starting") is None
            assert now == json.loads(as_json(status(run.folder.path)))
        assert now["failed"] == [{"trials": 1, "reason": "TrialError: </script><b>loss</b> is nan & more"}]


def test_hosts_are_those_that_the_driver_at_work_has_seen(run):
    logs = run.folder.log.parent
    run.grow(4)
    HostNotes(logs)._write((HOST,), 1)
    with closing(Watched(run.folder.path)) as watched:
        assert told(watched)["now"]["hosts"] is None, "no driver is at work"
        time.sleep(1.0)  # a driver notes since when it is at work by the second
        with DriverLock(logs).held():
            assert told(watched)["now"]["hosts"] is None, "seen by an earlier driver"
            HostNotes(logs)._write((HOST,), 1)
            now = told(watched)["now"]
            assert now["hosts"] == [
                {
                    "address": "10.0.0.7",
                    "workers": 2,
                    "cpus": 4.0,
                    "cpus_held": 2.0,
                    "gpus": 2.0,
                    "gpus_held": 0.5,
                }
            ]
            assert now["starting"] == 1


def test_damage_is_told_and_the_rest_goes_on(run):
    run.grow(6)
    with closing(Watched(run.folder.path)) as watched:
        before = told(watched)
        record = run.folder.path / "records" / "00003.json"
        record.write_text("{")
        assert told(watched)["now"]["damaged"] == [str(record)]
        run.folder.leaderboard.write_bytes(b"torn")
        assert "a leaderboard is a Parquet file" in told(watched)["error"]
        record.unlink()
        run.grow(99)
        after = told(watched, before["version"])
        assert after["now"]["finished"] == 12
        shutil.rmtree(run.folder.path)
        gone = f"a run is a folder with a study.yaml, but {run.folder.path} has none"
        assert told(watched) == {"error": gone}


def test_the_page_holds_no_text_that_ends_its_script(run):
    run.grow(99)
    with closing(Watched(run.folder.path)) as watched:
        html = watched.page()
    assert html.count("</script>") == 2
    assert "<b>" not in html
    assert "{{" not in html
    assert "connect-src 'self'" in html


def test_ctrl_c_ends_it_with_0(run):
    run.grow(12)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "search.py"), "watch", str(run.folder.path)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    first = process.stdout.readline()
    assert first.startswith(f"{run.folder.path} is shown at http://127.0.0.1:")
    address = first.split()[-1]
    with urllib.request.urlopen(f"{address}changes?since=0") as answer:
        assert len(json.load(answer)["rows"]) == 12
    time.sleep(0.5)  # the process that computes importances is starting
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 0
    assert process.stderr.read() == ""
    process.stdout.close()
    process.stderr.close()


@pytest.mark.slow
def test_a_search_on_a_cluster_is_told_as_it_goes(tmp_path, monkeypatch):
    study = {
        "training": {"epochs": 4},
        "budget": {"trials": 6},
        "database": "none",
        "resources": {"workers": 2, "gpus": 0.5, "allow_cpu": True},
    }
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HEADSEARCH_TEST_EPOCH_S", "0.7")
    monkeypatch.setenv("HEADSEARCH_TEST_FAULTS", "4=raise")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "num_gpus": 2})
    try:
        path = write_study(tmp_path, study)
        driver = numpy_driver(path, "--address", "auto", RAY_ADDRESS=cluster.address)
        run = tmp_path / "runs" / "toy"
        assert driver.until(lambda: (run / "study.yaml").exists()), driver.said
        seen = []
        with closing(Watched(run)) as watched:
            while driver.process.poll() is None:
                seen.append(told(watched)["now"])
                time.sleep(0.2)
            assert driver.wait() == 0, driver.said
            last = told(watched)
    finally:
        cluster.shutdown()
    busy = [now for now in seen if now["hosts"] and now["hosts"][0]["workers"] == 2]
    assert busy
    for now in busy:
        (host,) = now["hosts"]
        assert (host["cpus"], host["gpus"]) == (3.0, 2.0)
        assert host["address"] in ({*now["nodes"]} or {host["address"]})
    assert any((now["hosts"][0]["cpus_held"], now["hosts"][0]["gpus_held"]) == (2.0, 1.0) for now in busy)
    assert any(sum(flight["running_s"] is not None for flight in now["in_flight"]) == 2 for now in busy)
    assert any(now["left_s"] is not None for now in busy)
    assert last["now"]["hosts"] is None
    assert last["now"]["driver"] is None
    assert last["now"]["finished"] == len(last["rows"]) == 8
    assert [failed["trials"] for failed in last["now"]["failed"]] == [1]
