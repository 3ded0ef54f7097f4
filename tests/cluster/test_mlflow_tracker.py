"""A run in MLflow: in a folder, in a database, on MLflow's own server; where MLflow is installed.

The server needs the whole of MLflow, which does not go with our pins (it wants an older pyarrow):
`uv venv /tmp/mlflow; uv pip install -p /tmp/mlflow mlflow; HEADSEARCH_MLFLOW=/tmp/mlflow/bin/mlflow`.
"""

import os
import socket
import subprocess
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

from cluster.tracker_process import follow
from cluster.tracking import Tracking
from tests.cluster.test_tracking import TRAINED, at_its_end, run_in, study_for
from tests.helpers.bookkeeping import RESOLVED, begin, go_on

pytestmark = [
    pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # of MLflow's own tables
]
SERVER_S = 240


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """MLflow's server on loopback."""
    folder, port, program = (
        tmp_path_factory.mktemp("server"),
        free_port(),
        os.environ.get("HEADSEARCH_MLFLOW"),
    )
    if program is None:
        pytest.skip("needs the program of a whole MLflow in HEADSEARCH_MLFLOW")
    command = [program, "server", "--backend-store-uri", "sqlite:///server.db",
               "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]  # fmt: skip
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + SERVER_S
    try:
        while not answers(address):
            assert process.poll() is None, (folder / "server.log").read_text()[-300:]
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(address):
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(params=["folder", "database", "server"])
def place(request, tmp_path):
    """Where MLflow keeps a run, as `track.mlflow` names it."""
    if request.param == "server":
        return request.getfixturevalue("server")
    written = {"folder": "ml runs/kept", "database": "sqlite:///kept/m l.db"}[request.param]
    (tmp_path / "kept").mkdir()
    return study_for(mlflow=written).track.absolute(tmp_path).mlflow


def tracker(place, folder):
    from cluster.mlflow_tracker import MlflowTracker

    return lambda: MlflowTracker(place, folder)


def shown(place, name):
    """The runs of an experiment by name, and a client."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name(name)
    runs = client.search_runs([experiment.experiment_id])
    assert len({run.info.run_name for run in runs}) == len(runs), "something stands there twice"
    return {run.info.run_name: run for run in runs}, client


def test_a_run_stands_there_as_its_records_say(place, tmp_path):
    study = study_for().model_copy(update={"name": tmp_path.name})
    folder, said = run_in(tmp_path, study, run_id=tmp_path.name), []
    folder.leaderboard.write_bytes(b"PAR1")
    follow(tracker(place, folder), folder, at_its_end, said.append)
    runs, client = shown(place, study.name)
    assert len(said) == 1, said
    assert sorted(runs) == ["00000", "00003", "00004", "toy"]
    parent = runs["toy"]
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["data_digest"] == RESOLVED["data_digest"]
    assert parent.info.run_id in said[0]
    artifacts = [file.path for file in client.list_artifacts(parent.info.run_id)]
    assert artifacts == ["leaderboard.parquet", "study.yaml"]
    one = runs["00003"]
    assert one.info.status == "FINISHED"
    assert (one.info.start_time, one.info.end_time) == (1735689598500, 1735689600000)
    assert one.data.params["head"] == "sigmoid"
    assert float(one.data.params["learning_rate"]) == 1e-3 + 3e-9
    assert one.data.metrics["value"] == 0.5
    assert one.data.metrics["val_f1_low"] == 0.5
    assert not one.data.metrics.keys() & {"val_brier", "threshold_score"}
    assert one.data.tags["threshold_score"] == "-Infinity"
    assert one.data.tags["mlflow.parentRunId"] == parent.info.run_id
    losses = client.get_metric_history(one.info.run_id, "epoch/loss")
    assert [(point.step, point.value) for point in losses] == [(1, 0.7), (2, 0.5), (3, 0.4)]
    failed = runs["00004"]
    assert failed.info.status == "FAILED"
    assert (failed.data.tags["state"], failed.data.tags["error"]) == ("failed", "nan in epoch 2")
    assert "value" not in failed.data.metrics
    if place.startswith("sqlite"):
        assert (tmp_path / "kept" / "mlartifacts").is_dir()


def test_a_resumed_run_logs_nothing_twice_and_what_was_missed(place, tmp_path):
    study = study_for().model_copy(update={"name": tmp_path.name})
    folder = run_in(tmp_path, study, run_id=tmp_path.name)
    made = tracker(place, folder)()
    made.log(TRAINED)
    # A driver that was killed left a trial half written.
    trial, client = shown(place, study.name)[0]["00003"], shown(place, study.name)[1]
    client.update_run(trial.info.run_id, status="RUNNING")
    follow(tracker(place, folder), folder, lambda wait_s: "KILLED", lambda line: None)
    before, _ = shown(place, study.name)
    assert sorted(before) == ["00000", "00003", "00004", "toy"]
    assert before["toy"].info.status == "KILLED"
    assert before["00003"].info.run_id != trial.info.run_id
    folder.write_record(TRAINED.model_copy(update={"finished_at": "2025-01-02T00:00:00.000+00:00"}))
    follow(tracker(place, folder), folder, at_its_end, lambda line: None)
    after, _ = shown(place, study.name)
    same = [name for name in before if before[name].info.run_id == after[name].info.run_id]
    assert sorted(same) == ["00000", "00004", "toy"]


def test_a_server_that_is_gone_is_said_once_and_the_search_goes_on(tmp_path):
    study, said = study_for(mlflow=f"http://127.0.0.1:{free_port()}"), []
    folder = begin(tmp_path / "runs" / "toy", study)
    with Tracking(folder, study, said.append) as tracking:
        began = time.monotonic()
        go_on(folder, study)
        assert time.monotonic() - began < 5
        tracking.ended(whole=True)
    assert len(folder.records()) == 2
    assert [line[:46] for line in said] == [
        "mlflow: fails, and the search goes on: MlflowE",
        "mlflow: is given up with the search at its end",
    ]


def test_a_server_that_never_answers_is_not_waited_for(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        study, said = study_for(mlflow=f"http://127.0.0.1:{silent.getsockname()[1]}"), []
        folder = begin(tmp_path / "runs" / "toy", study)
        began = time.monotonic()
        with Tracking(folder, study, said.append, close_s=2.0) as tracking:
            go_on(folder, study)
            tracking.ended(whole=True)
        assert time.monotonic() - began < 15
    assert said == ["mlflow: did not take everything in time; resume logs what is missing"]


def test_credentials_of_the_environment_stay_there(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "correct-horse")
    study, said = study_for(mlflow=server).model_copy(update={"name": tmp_path.name}), []
    folder = begin(tmp_path / "runs" / "toy", study)
    with Tracking(folder, study, said.append) as tracking:
        go_on(folder, study)
        tracking.ended(whole=True)
    assert sorted(shown(server, study.name)[0]) == ["00000", "00001", "toy"]
    written = [path.read_bytes() for path in Path(folder.path).rglob("*") if path.is_file()]
    assert not [one for one in [*written, "".join(said).encode()] if b"correct-horse" in one]
