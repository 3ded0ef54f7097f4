"""Connecting to a cluster whose hosts come later: waited for where `ray up` made it, else refused at once."""

import os
import signal
import threading

import pytest
import ray
from ray.autoscaler import sdk
from ray.cluster_utils import Cluster

from cluster import connection
from cluster.connection import connected
from search.hosts.parallel import ALONE
from spaces.errors import RunError
from spaces.study_file import parse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def standing():
    """A cluster of one host without a GPU."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield cluster
    cluster.shutdown()


@pytest.fixture
def asked(standing, monkeypatch) -> list:
    """What the autoscaler is asked for; this host belongs to the cluster."""
    requests, ask = [], sdk.request_resources

    def request_resources(bundles):
        requests.append(bundles)
        ask(bundles=bundles)

    monkeypatch.setattr(sdk, "request_resources", request_resources)
    monkeypatch.setenv("RAY_ADDRESS", standing.address)
    return requests


@pytest.fixture
def made_by_ray_up(monkeypatch, tmp_path):
    """This host is the head of a cluster that `ray up` has made."""
    (tmp_path / "bootstrap.yaml").touch()
    monkeypatch.setattr(connection, "BOOTSTRAP", tmp_path / "bootstrap.yaml")


@pytest.fixture(params=["ray up", "KubeRay"])
def made_by(request, monkeypatch):
    """This host is the head of a cluster whose hosts come as they are asked for."""
    if request.param == "ray up":
        request.getfixturevalue("made_by_ray_up")
    else:
        monkeypatch.setenv(connection.KUBERAY, "1")


def study(**resources):
    return parse({"preset": "quickstart", "resources": resources})


REFUSAL = r"a trial needs 1 CPUs and 0.5 GPUs on one host, but the hosts have 1 CPUs, 0 GPUs in all"


def test_elsewhere_a_host_that_is_missing_is_missed_at_once(asked, monkeypatch, capsys):
    monkeypatch.setattr(connection, "BOOTSTRAP", connection.Path("/nowhere"))
    with pytest.raises(RunError, match=REFUSAL) as refused, connected(study(gpus=0.5), None):
        pass
    assert refused.value.exit_code == 2
    assert (asked, capsys.readouterr().err) == ([], "")


@pytest.mark.usefixtures("made_by")
def test_no_host_joins_in_time(asked, monkeypatch, capsys):
    monkeypatch.setattr(connection, "JOIN_S", 0.5)
    with pytest.raises(RunError, match=REFUSAL) as refused, connected(study(gpus=0.5, workers=2), None):
        pass
    assert refused.value.exit_code == 2
    assert asked == [[{"CPU": 1, "GPU": 0.5}] * 2, []]
    assert capsys.readouterr().err.startswith("no host can hold a trial yet; waiting up to ")


@pytest.mark.usefixtures("made_by_ray_up")
def test_a_host_that_joins_is_waited_for_and_what_fits_is_not(asked, standing, capsys):
    with connected(study(), None) as where:
        assert where == "Ray cluster: 1 CPUs, 0 GPUs"
        assert not any(ALONE in node["Resources"] for node in ray.nodes())
    assert capsys.readouterr().err == ""
    # Ray starts a host in the main thread alone, which is busy waiting for it.
    before = signal.signal(signal.SIGUSR1, lambda *_: standing.add_node(num_cpus=1, num_gpus=1))
    timer = threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGUSR1))
    timer.start()
    with connected(study(gpus=0.25, trials_per_gpu=2), None) as where:
        assert where == "Ray cluster: 2 CPUs, 1 GPUs"
        assert asked[-1] == [{"CPU": 1, "GPU": 0.5}]
    timer.join()
    signal.signal(signal.SIGUSR1, before)
    assert asked[-1] == []
    assert "waiting up to 10 minutes for one to join" in capsys.readouterr().err
    with connected(study(), None) as where:
        assert where == "Ray cluster: 2 CPUs, 1 GPUs; trials use no GPU (resources.gpus=0)"


def test_a_ray_of_our_own_is_alone():
    with connected(study(), "local"):
        assert any(ALONE in node["Resources"] for node in ray.nodes())
