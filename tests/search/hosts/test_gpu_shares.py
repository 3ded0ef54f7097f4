"""GPUs shared by trials: the memory each may take, and where Ray puts them, on GPUs only declared."""

import itertools
import os
import secrets
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from search.networks import backend
from search.networks.backend import CONTEXT_MIB, LIMIT, environment, limit_mib, total_mib
from search.record import Record
from search.runs.run_folder import RunFolder
from spaces.resources import Resources
from tests.helpers import driving
from tests.helpers.driving import Driver, write_study
from tests.helpers.meeting_trainer import GPUS


@pytest.mark.parametrize(
    ("share", "total", "expected"),
    [
        (0.25, 16384, 4096 - CONTEXT_MIB),
        (0.5, 81920, 40960 - CONTEXT_MIB),
        (0.1, 16384, 1638 - CONTEXT_MIB),
        (0.05, 16384, None),  # 819 MiB: less than CUDA takes
        (0.07, 16384, None),  # 122 MiB left: no use
    ],
)
def test_a_share_is_of_the_whole_less_what_cuda_takes(share, total, expected):
    assert limit_mib(share, total) == expected


@pytest.mark.parametrize("trials", [1, 2, 3, 4, 7, 8])
def test_shares_never_add_up_to_more_than_the_gpu(trials):
    share, total = Resources(gpus=0.01, trials_per_gpu=trials).gpu_share, 40960
    assert trials * (limit_mib(share, total) + CONTEXT_MIB) <= total
    assert trials * share <= 1 < (trials + 1) * share


def test_the_environment_of_a_share_and_of_growth():
    share = environment(0.25, 16384)
    assert share[LIMIT] == "3072"
    assert share["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"
    assert share["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"
    assert float(share["XLA_PYTHON_CLIENT_MEM_FRACTION"]) == pytest.approx(3072 / 16384, abs=1e-4)
    for grown in (environment(0.25, None), environment(0.01, 16384)):
        assert LIMIT not in grown
        assert "XLA_PYTHON_CLIENT_MEM_FRACTION" not in grown
        assert grown["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
        assert grown["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


@pytest.fixture
def _own_environment(monkeypatch):
    """Gives back the environment that `backend.start` writes to."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


@pytest.fixture
def tool(tmp_path, monkeypatch) -> Path:
    """A stand-in for nvidia-smi that knows two GPUs by number, and keeps what it was asked."""
    path = tmp_path / "nvidia-smi"
    path.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        'case "$*" in *--id=0*) echo 16384;; *--id=1*) echo 81920;; *) echo no; exit 6;; esac\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return path


def test_the_memory_is_that_of_the_gpu_ray_gave(tool, monkeypatch):
    for visible, expected in (("0", 16384), ("1,0", 81920), ("MIG-1", None), ("-1", None)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert total_mib() == expected
    assert "--query-gpu=memory.total --format=csv,noheader,nounits" in tool.with_name("asked").read_text()
    tool.write_text("#!/bin/sh\necho '[N/A]'\n")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert total_mib() is None
    monkeypatch.setenv("PATH", str(tool.with_name("nowhere")))
    assert total_mib() is None


@pytest.mark.usefixtures("_own_environment", "tool")
def test_only_a_worker_with_a_share_is_limited(monkeypatch):
    os.environ["CUDA_VISIBLE_DEVICES"] = "1"
    os.environ["XLA_CLIENT_MEM_FRACTION"] = "0.9"
    for whole in (None, 1.0, 2.0):
        backend.start(1, whole, "share")
        assert LIMIT not in os.environ
        assert "TF_FORCE_GPU_ALLOW_GROWTH" not in os.environ
        assert os.environ["XLA_CLIENT_MEM_FRACTION"] == "0.9"
    backend.start(1, 0.5, "share")
    assert os.environ[LIMIT] == str(40960 - CONTEXT_MIB)
    assert "XLA_CLIENT_MEM_FRACTION" not in os.environ
    del os.environ[LIMIT]
    backend.start(1, 0.5, "grow")
    assert LIMIT not in os.environ


@pytest.fixture(scope="module")
def joining(tmp_path_factory):
    """The environment that joins a Ray of our own, which is told of GPUs that are not there."""
    hold = (
        "import ray\n"
        f"ray.init(address='local', num_gpus={GPUS}, num_cpus={2 * GPUS}, include_dashboard=False)\n"
        "print(ray.get_runtime_context().gcs_address, flush=True)\n"
        "input()"
    )
    token = tmp_path_factory.mktemp("ray") / "token"
    token.write_text(secrets.token_hex(32))
    known = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        [sys.executable, "-c", hold], env=driving.environment(**known), text=True, **pipe
    ) as holder:
        yield known | {"RAY_ADDRESS": holder.stdout.readline().strip()}
        children = driving.descendants(holder.pid)
        holder.communicate("\n", timeout=driving.PATIENCE_S)
    driving.assert_gone(children)


def searched(folder: Path, joining: dict[str, str], trials: int, **resources) -> list[Record]:
    """Runs a study whose trials meet; returns the records of those, without the baselines."""
    changes = {"training": {"epochs": 2}, "budget": {"trials": trials}, "resources": resources}
    study, runs = write_study(folder, changes), folder / "runs"
    command = ["-m", "tests.helpers.meeting_trainer", str(study), str(runs), "--address", "auto"]
    driver = Driver(command, folder, **joining)
    assert driver.wait() == 0, driver.said
    records = [record for record in RunFolder(runs / "toy").records() if record.ask.baseline is None]
    assert [record.state for record in records] == ["completed"] * trials, [r.error for r in records]
    return records


@pytest.mark.slow
def test_eight_trials_at_once_two_on_each_of_four_gpus(tmp_path, joining):
    records = searched(tmp_path, joining, 8, gpus=0.5, allow_cpu=True)
    assert max(record.started_at for record in records) < min(record.finished_at for record in records)
    assert Counter(record.gpu_ids for record in records) == {"0": 2, "1": 2, "2": 2, "3": 2}
    assert {record.gpu_share for record in records} == {0.5}


@pytest.mark.slow
def test_a_cap_keeps_small_shares_from_sharing(tmp_path, joining):
    records = searched(tmp_path, joining, 6, gpus=0.25, trials_per_gpu=1, allow_cpu=True)
    assert {record.gpu_ids for record in records} == {"0", "1", "2", "3"}
    for gpu in "0123":
        of_one = sorted((r.started_at, r.finished_at) for r in records if r.gpu_ids == gpu)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(of_one))
    assert {record.gpu_share for record in records} == {1.0}


@pytest.mark.slow
def test_a_share_of_a_gpu_that_keras_does_not_see_is_refused_before_the_first_trial(tmp_path, joining):
    study = write_study(tmp_path, {"resources": {"gpus": 0.5}})
    command = [str(driving.ROOT / "search.py"), "run", str(study), "--address", "auto"]
    driver = Driver(command, tmp_path, **joining)
    assert driver.wait() == 2, driver.said
    (line,) = driver.errors
    assert "a worker given 0.5 GPUs must see one, but tensorflow lists none on host " in line
    assert "install tensorflow[and-cuda] there, or set resources.gpus=0, or resources.allow_cpu=true" in line
    assert not list((tmp_path / "runs").glob("toy*"))
