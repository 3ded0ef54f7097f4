"""A search on a cluster, and what its head tells Prometheus meanwhile."""

import re
import time
import urllib.request

import pytest
from ray._common.network_utils import find_free_port
from ray.cluster_utils import Cluster

from search.runs.run_folder import RunFolder
from tests.conftest import ROOT
from tests.helpers.driving import PATIENCE_S, Driver, write_study

pytestmark = pytest.mark.slow
TRIALS = 3


@pytest.fixture
def exported():
    """A cluster of one host that exports metrics: its address, and the port they are on."""
    port = find_free_port()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "metrics_export_port": port})
    yield cluster.address, port
    cluster.shutdown()


def scraped(port: int) -> dict[str, float]:
    """Returns the project's metrics by name and tags, `name{tag=value}`; Ray's own tags are left out."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    found = {}
    for name, tags, value in re.findall(r"^ray_(headsearch_\w+)\{(.*)\} (\S+)$", text, re.MULTILINE):
        ours = re.findall(r'(run|state|objective)="([^"]*)"', tags)
        found[f"{name}{{{','.join(f'{tag}={shown}' for tag, shown in sorted(ours))}}}"] = float(value)
    return found


def test_a_search_tells_prometheus_how_far_it_is(exported, tmp_path):
    address, port = exported
    write_study(tmp_path, {"name": "seizure", "budget": {"trials": TRIALS}, "training": {"epochs": 4}})
    driver = Driver([str(ROOT / "search.py"), "run", "study.yaml"], tmp_path, RAY_ADDRESS=address)
    seen, deadline = [], time.monotonic() + PATIENCE_S
    while driver.process.poll() is None and time.monotonic() < deadline:
        seen.append(scraped(port))
        time.sleep(0.5)
    assert driver.wait() == 0, driver.errors
    records = RunFolder(tmp_path / "runs/seizure").records()
    seen = [one for one in seen if one]
    assert any(one["headsearch_trials{run=seizure,state=running}"] == 1 for one in seen)
    last = seen[-1]
    assert last["headsearch_trials{run=seizure,state=failed}"] == 0
    # The last trials end too shortly before the driver to be seen.
    completed = last["headsearch_trials{run=seizure,state=completed}"]
    assert 2 <= completed <= len(records)
    values = sorted(records, key=lambda record: record.finished_at)[: int(completed)]
    best = max(record.value for record in values)
    assert last["headsearch_best_value{objective=f1,run=seizure}"] == pytest.approx(best)
    assert last["headsearch_gpus_used{run=seizure}"] == 0
