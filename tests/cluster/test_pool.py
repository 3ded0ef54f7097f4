"""Jobs on warm workers: a host that dies is nobody's fault, and where none is left the wait has an end."""

import time

import pytest
from ray.cluster_utils import Cluster

from cluster import pool
from cluster.connection import connected
from search.hosts import host_wait
from spaces.errors import RunError
from spaces.study_file import parse
from tests.helpers.raylets import HEALTH

pytestmark = pytest.mark.slow

STUDY = parse({"trunk": {"name": "mlp"}, "resources": {"workers": 1}})
JOBS = tuple(range(6))


class Worker:
    """Takes a while for each job, and says which it was."""

    def __init__(self, threads: int, gpu_share: float, gpu_memory: str) -> None:
        pass

    def ready(self) -> None:
        pass

    def run(self, shared: None, job: int) -> int:
        time.sleep(0.5)
        return job


@pytest.fixture
def cluster(monkeypatch):
    """A head without a processor; hosts are added by the test."""
    for name, value in HEALTH.items():
        monkeypatch.setenv(f"RAY_health_check_{name}", str(value))
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    made.shutdown()


def test_jobs_of_a_host_that_dies_go_to_another_one(cluster, monkeypatch):
    monkeypatch.setattr(pool, "ATTEMPTS", 1)  # the first death by its own fault would end a job
    first = cluster.add_node(num_cpus=1)
    with connected(STUDY, None):
        outcomes = pool.run_jobs(STUDY, Worker, None, JOBS, str)
        came = [next(outcomes)]
        cluster.add_node(num_cpus=1)
        cluster.remove_node(first, allow_graceful=False)
        came += outcomes
    assert sorted(came) == list(JOBS)


def test_without_a_host_the_wait_ends(cluster, monkeypatch):
    monkeypatch.setattr(host_wait, "JOIN_S", 3.0)
    only = cluster.add_node(num_cpus=1)
    with connected(STUDY, None):
        outcomes = pool.run_jobs(STUDY, Worker, None, JOBS, str)
        next(outcomes)
        cluster.remove_node(only, allow_graceful=False)
        with pytest.raises(RunError, match="no host was there that can hold a worker") as ended:
            list(outcomes)
    assert ended.value.exit_code == 1
