"""A Ray that starts while data is read: what it is given, and that nothing is left of one not wanted."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import psutil
import pytest
import ray
from ray.experimental import internal_kv

from cluster import connection, local_ray
from cluster.connection import lazily_connected
from cluster.local_ray import head_start
from spaces.errors import RunError
from spaces.study_file import parse
from tests.benchmarks import marked
from tests.conftest import ROOT

MARK = "HEADSEARCH_TEST_START"
GONE_S = 30
"""So long after its driver a process of Ray's may still be ending."""


def study(**resources):
    return parse({"preset": "quickstart", "resources": resources})


def cores() -> int:
    return len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("resources", "preloads"),
    [
        ({}, True),
        ({"workers": cores()}, True),
        ({"workers": cores() - 1}, False),
        ({"cpus": 2}, False),
        ({"gpus": 0.5, "fuse": "off"}, False),
    ],
)
def test_processes_import_ahead_where_every_one_will_train_on_one_thread(resources, preloads):
    if resources.get("workers") == 0:
        pytest.skip("one core")
    assert local_ray._preloads(study(**resources)) is preloads


def test_where_a_cluster_is_asked_for_none_is_begun(monkeypatch):
    monkeypatch.setattr(connection, "_standing_cluster", lambda: None)
    monkeypatch.setattr(local_ray, "HeadStart", lambda _: pytest.fail("began to start a Ray"))
    with (
        lazily_connected(study(), "auto", for_sure=True) as connect,
        pytest.raises(RunError, match="--address auto joins a running Ray cluster, but none runs"),
    ):
        connect()
    with lazily_connected(study(), "local"):
        pass  # a command that may not need Ray


def test_the_cluster_of_this_host_is_joined_rather_than_one_begun(monkeypatch):
    monkeypatch.setattr(connection, "_standing_cluster", lambda: "10.0.0.9:6379")
    assert not connection._starts_its_own(None)
    assert connection._starts_its_own("local")


@pytest.mark.slow
def test_a_ray_that_cannot_start_says_so_when_it_is_needed(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("x" * 100)))
    with (
        lazily_connected(study(), "local", for_sure=True) as connect,
        pytest.raises(OSError, match="AF_UNIX path length cannot exceed"),
    ):
        connect()
    assert not ray.is_initialized()


@pytest.mark.slow
def test_workers_are_processes_that_have_imported_what_a_trial_needs(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    class Seen:
        def look(self):
            return (
                "search.tuning.trainable" in sys.modules,
                "keras" in sys.modules,
                os.environ["OMP_NUM_THREADS"],
                os.getpid(),
            )

    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with lazily_connected(study(), "local", for_sure=True) as connect:
        assert connect() == f"local Ray: {cores()} CPUs, 0 GPUs"
        assert os.environ["PYTHONPATH"] == "/nowhere"
        ours = {
            process.pid: " ".join(process.cmdline())
            for process in psutil.Process().children(recursive=True)
            if process.pid not in before
        }
        workers = [ray.remote(num_cpus=1)(Seen).remote() for _ in range(cores())]
        seen = ray.get([worker.look.remote() for worker in workers])
        assert [one[:3] for one in seen] == [(True, False, "1")] * cores()
        assert {one[3] for one in seen} <= ours.keys(), "processes that ran before the actors were asked for"
        for needless in ("dashboard/dashboard.py", "monitor.py", "log_monitor.py"):
            assert not [said for said in ours.values() if needless in said]
    assert not ray.is_initialized()
    _, left = psutil.wait_procs([psutil.Process(n) for n in ours if psutil.pid_exists(n)], GONE_S)
    assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []


@pytest.mark.slow
def test_a_ray_that_is_there_is_used_and_left_alone():
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        with lazily_connected(study(), None, for_sure=True) as connect:
            assert connect() == "the Ray that is there already: 1 CPUs, 0 GPUs"
        assert ray.is_initialized()
    finally:
        ray.shutdown()


@pytest.mark.slow
def test_one_that_is_not_needed_after_all_is_ended_and_another_can_be_started():
    for _ in range(2):
        began = time.monotonic()
        with head_start(study()):
            pass
        assert not ray.is_initialized()
        assert not internal_kv._internal_kv_initialized(), "Ray Tune would wait for what is gone"
        assert not _running()
        assert time.monotonic() - began < GONE_S


@pytest.mark.slow
def test_it_runs_until_the_driver_has_left_it(monkeypatch):
    """Else Ray ends the driver's process a minute later: a notebook, for instance."""
    shutdown, there = ray.shutdown, []

    def late():
        time.sleep(1)
        there.extend(_running())
        shutdown()

    monkeypatch.setattr(ray, "shutdown", late)
    with head_start(study()) as ahead:
        ahead.wait()
    assert {"raylet", "gcs_server"} <= set(there)
    assert not _running()


def _running() -> list[str]:
    """Ray's servers among the processes of this one; the dead may still be listed."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.name() in ("raylet", "gcs_server") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
        except psutil.NoSuchProcess:
            continue
    return found


def _begun(folder: Path, mark: str, rows: int = 400) -> subprocess.Popen:
    """A search of rows without a positive in two of three groups, which is refused once they are read."""
    x = np.random.default_rng(0).normal(size=(rows, 8, 4)).astype(np.float32)
    groups = np.repeat(["a", "b", "c"], [rows // 4, rows // 4, rows - 2 * (rows // 4)])
    y = (np.arange(rows) % 2 * (groups == "a")).astype(int)
    np.savez(folder / "rows.npz", x=x, y=y, groups=groups)
    (folder / "study.yaml").write_text(
        "preset: seizure\nname: refused\ndata: {source: npz, path: rows.npz, group: groups}\n"
    )
    return subprocess.Popen(
        [sys.executable, str(ROOT / "search.py"), "run", "study.yaml", "--address", "local"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _check_gone(mark: str) -> None:
    deadline = time.monotonic() + GONE_S
    while (left := marked.started(MARK, mark)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


@pytest.mark.slow
def test_a_refused_study_leaves_no_ray(tmp_path):
    mark = uuid.uuid4().hex
    process = _begun(tmp_path, mark)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert len(said.splitlines()) == 1
    assert said.startswith("search.py: ")
    assert "Traceback" not in out + said
    assert not (tmp_path / "runs" / "refused").exists()
    _check_gone(mark)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "begun"), [(signal.SIGINT, 2), (signal.SIGINT, 5), (signal.SIGTERM, 4)])
def test_an_interrupt_while_ray_starts_leaves_none(tmp_path, number, begun):
    """The processes are our own, the two servers of Ray, and the agents that one of them begins."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "search.py")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(marked.started(MARK, mark)) < begun and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert said == "search.py: interrupted\n"
    assert not (tmp_path / "runs" / "quickstart").exists()
    _check_gone(mark)
