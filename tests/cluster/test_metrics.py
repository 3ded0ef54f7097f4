"""A search on a cluster, and what its head tells Prometheus meanwhile."""

import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request

import pytest
from ray._common.network_utils import find_free_port

from search.runs.run_folder import RunFolder
from tests.conftest import ROOT
from tests.helpers.driving import PATIENCE_S, write_study

pytestmark = pytest.mark.slow
TRIALS = 3


@pytest.fixture
def exported(tmp_path):
    """A Ray of one host, in an environment of hosts: its Python, how Ray is reached, its exporter."""
    reached = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment = tmp_path / "venv"
    uv = ROOT / ".venv/bin/uv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, environment], check=True)
    install = ["pip", "install", "-q", "-r", ROOT / "cluster/requirements.txt"]
    subprocess.run([uv, *install], env={**os.environ, "VIRTUAL_ENV": str(environment)}, check=True)
    port, metrics = find_free_port(), find_free_port()
    said = ["--num-cpus=1", f"--port={port}", f"--metrics-export-port={metrics}", "--include-dashboard=false"]
    # Ray exports every ten seconds unless told.
    often = '--system-config={"metrics_report_interval_ms": 300}'
    with (tmp_path / "ray.txt").open("w") as out:
        ray = subprocess.Popen(
            [environment / "bin/ray", "start", "--head", "--block", "--disable-usage-stats", *said, often],
            env={**os.environ, **reached},
            stdout=out,
            stderr=out,
        )
    deadline = time.monotonic() + PATIENCE_S
    while not answers(metrics) and ray.poll() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    yield str(environment / "bin/python"), reached | {"RAY_ADDRESS": f"127.0.0.1:{port}"}, metrics
    ray.terminate()
    ray.wait()


def answers(port: int) -> str:
    """Returns what Prometheus would read; empty while nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def scraped(port: int) -> dict[str, float]:
    """Returns the project's metrics by name and tags, `name{tag=value}`; Ray's own tags are left out."""
    found = {}
    for name, tags, value in re.findall(r"^ray_(headsearch_\w+)\{(.*)\} (\S+)$", answers(port), re.MULTILINE):
        ours = re.findall(r'(run|state|objective)="([^"]*)"', tags)
        found[f"{name}{{{','.join(f'{tag}={shown}' for tag, shown in sorted(ours))}}}"] = float(value)
    return found


def test_a_search_tells_prometheus_how_far_it_is(exported, tmp_path):
    python, reached, port = exported
    write_study(tmp_path, {"name": "seizure", "budget": {"trials": TRIALS}, "training": {"epochs": 4}})
    seen, deadline = [], time.monotonic() + PATIENCE_S
    with (tmp_path / "said.txt").open("w") as out:
        search = subprocess.Popen(
            [python, str(ROOT / "search.py"), "run", "study.yaml"],
            cwd=tmp_path,
            env={**os.environ, **reached},
            stdout=out,
            stderr=out,
        )
    while search.poll() is None and time.monotonic() < deadline:
        seen.append(scraped(port))
        time.sleep(0.2)
    assert search.wait() == 0, (tmp_path / "said.txt").read_text()
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
