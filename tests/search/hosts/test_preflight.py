"""Before the first trial: hosts whose code is not the driver's, or whose GPUs are not seen, stop the run."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.hosts import preflight
from search.hosts.preflight import check_nodes, why_unfit
from search.hosts.provenance import code_digest
from spaces.errors import RunError
from spaces.resources import Resources
from spaces.study import Study
from tests.helpers import driving

SHAPE = (4,)
SEARCH = driving.ROOT / "search"


def study_of(**resources) -> Study:
    return Study(resources=Resources(**resources))


@pytest.fixture
def digest() -> str:
    return code_digest(Study(), SHAPE)


def test_a_worker_with_the_drivers_code_is_fit(digest):
    assert why_unfit(study_of(), digest, SHAPE) is None
    assert why_unfit(study_of(gpus=0.5, allow_cpu=True), digest, SHAPE) is None


def test_a_worker_with_other_code_is_not():
    reason = why_unfit(study_of(), "0" * 64, SHAPE)
    assert reason.startswith("every host must run the driver's code, but host ")
    assert "does not: its files differ; `ray up cluster.yaml` refreshes what is mounted there" in reason


@pytest.mark.usefixtures("keras")
def test_a_worker_with_a_share_that_sees_no_gpu_is_not(digest):
    reason = why_unfit(study_of(gpus=0.25), digest, SHAPE)
    assert reason.startswith("a worker given 0.25 GPUs must see one, but tensorflow lists none on host ")
    assert "install tensorflow[and-cuda] there" in reason
    assert "resources.allow_cpu=true" in reason


def test_a_share_with_no_room_for_cuda_is_not(digest, monkeypatch):
    monkeypatch.setattr(preflight.backend, "import_keras", lambda: None)
    monkeypatch.setattr(preflight.backend, "device", lambda: "gpu:0")
    monkeypatch.setattr(preflight.backend, "total_mib", lambda: 16384)
    assert why_unfit(study_of(gpus=0.25), digest, SHAPE) is None
    assert why_unfit(study_of(gpus=0.05, gpu_memory="grow"), digest, SHAPE) is None
    assert "0.05 of 16384 MiB does not" in why_unfit(study_of(gpus=0.05), digest, SHAPE)


@pytest.fixture(scope="module")
def other_host(tmp_path_factory):
    """A second node of a Ray of our own, whose files can be changed without changing ours: its `mount`."""
    ray = pytest.importorskip("ray")
    apart = ["unshare", "--mount", "--propagation", "private"]
    if subprocess.run([*apart, "mount", "--bind", "/tmp", "/mnt"], capture_output=True).returncode:
        pytest.skip("needs to be allowed a mount namespace")
    log = (tmp_path_factory.mktemp("node") / "log.txt").open("w")
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    address = ray.get_runtime_context().gcs_address
    command = [
        str(Path(sys.executable).with_name("ray")),
        "start",
        f"--address={address}",
        "--num-cpus=2",
        "--num-gpus=1",
        "--block",
    ]
    node = subprocess.Popen(
        [*apart, *command], env=driving.environment(), stdout=log, stderr=log, start_new_session=True
    )
    try:
        deadline = time.monotonic() + driving.PATIENCE_S
        while len(ray.nodes()) < 2:
            assert node.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)

        def mount(*arguments: str) -> None:
            subprocess.run(["nsenter", "-t", str(node.pid), "-m", *arguments], check=True)

        yield mount
    finally:
        children = driving.descendants(node.pid)
        node.terminate()
        node.wait(driving.PATIENCE_S)
        ray.shutdown()
        driving.assert_gone(children)
        log.close()


@pytest.mark.slow
def test_a_host_with_other_files_stops_the_run_and_is_named(other_host, tmp_path):
    digest = code_digest(Study(), SHAPE)
    two_threads = study_of(cpus=2)  # which only the other host can hold
    assert check_nodes(two_threads, digest, SHAPE) is None
    assert check_nodes(study_of(cpus=3), "0" * 64, SHAPE) is None  # nobody's business

    changed = tmp_path / "metrics.py"
    changed.write_text((SEARCH / "scores" / "metrics.py").read_text() + "# another version\n")
    other_host("mount", "--bind", str(changed), str(SEARCH / "scores" / "metrics.py"))
    with pytest.raises(RunError, match=r"driver's code, but host \S+ does not: its files differ; `ray up"):
        check_nodes(two_threads, digest, SHAPE)
    assert why_unfit(two_threads, digest, SHAPE) is None  # here nothing has changed

    other_host("mount", "--bind", "/dev/null", str(SEARCH / "hosts" / "preflight.py"))
    with pytest.raises(
        RunError,
        match=r"host \S+ does not: ModuleNotFoundError: No module named 'search.hosts.preflight'; `ray up",
    ):
        check_nodes(two_threads, digest, SHAPE)

    other_host("umount", str(SEARCH / "hosts" / "preflight.py"))
    other_host("umount", str(SEARCH / "scores" / "metrics.py"))
    with pytest.raises(RunError, match=r"given 0.5 GPUs must see one, but tensorflow lists none on host"):
        check_nodes(study_of(cpus=2, gpus=0.5), digest, SHAPE)
    assert check_nodes(study_of(cpus=2, gpus=0.5, allow_cpu=True), digest, SHAPE) is None
