"""Notebooks: docs/notebook.ipynb holds from top to bottom, and a search from one is the command's."""

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml

from search.runs.run_folder import RunFolder
from tests.conftest import ROOT
from tests.helpers import driving
from tests.helpers.driving import Driver, environment, write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

NETWORK = """
def build(inputs, width):
    from keras import layers

    return layers.Dense(max(1, round(8 * width)), activation="relu")(inputs)
"""
SETTINGS = {
    "training": {"epochs": 6},
    "asha": {"enabled": False},
    "resources": {"workers": 1},  # with several, the order in which trials end steers those that follow
    "threshold": {"policy": "youden"},
    "objective": {"metric": "balanced_accuracy"},
}
SCRIPT = """
import json, sys
import numpy as np
import ray
import headsearch

{network}

arrays = np.load("data.npz")
if __name__ == "__main__":
    settings = {settings}
    if "guest" in sys.argv:
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        run = headsearch.search(
            arrays["X"], arrays["y"], groups=arrays["group"], network=build, name="ours",
            trials={trials}, trunk={{"width": 0.5}}, **settings,
        )
        print(json.dumps([str(run.path), ray.is_initialized(), run.best["trial_id"]]))
    except headsearch.RunError as error:
        run = headsearch.Run("runs/ours")
        print(json.dumps([str(error), ray.is_initialized(), len(run.board.rows)]))
"""


def script(folder: Path, trials: int, **changes) -> None:
    """Writes what a notebook's cells would be."""
    settings = {**SETTINGS, **changes}
    (folder / "cells.py").write_text(SCRIPT.format(network=NETWORK, trials=trials, settings=settings))


def told(driver: Driver) -> list:
    """What the script says in its last line."""
    assert driver.wait(600) == 0, driver.said
    return json.loads((driver.folder / "out.txt").read_text().splitlines()[-1])


def command(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "search.py"), *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def measured(run: Path) -> list[dict]:
    """All records, without what clocks and places say, and without what names the network."""
    found = []
    for record in RunFolder(run).records():
        values = record.model_dump(exclude={"train_s", "started_at", "finished_at", "code_digest"})
        if values["ask"]["config"] is not None:
            for name in ("trunk", "folder", "code"):
                values["ask"]["config"].pop(name)
        found.append(values)
    return found


def test_a_search_is_that_of_the_command_and_its_run_goes_on_from_the_shell(tmp_path):
    """In a Ray that the notebook has, with a function that only the notebook has."""
    study = {**SETTINGS, "budget": {"trials": 3}, "name": "file"}
    study |= {"trunk": {"name": "our_network:build", "width": 0.5}}
    path = write_study(tmp_path, study)
    (tmp_path / "our_network.py").write_text(NETWORK)
    command(tmp_path, "run", str(path))
    script(tmp_path, 3)
    ours, still_there, best = told(Driver(["cells.py", "guest"], tmp_path))
    assert (ours, still_there) == ("runs/ours", True)
    run, by_file = tmp_path / "runs" / "ours", tmp_path / "runs" / "file"
    assert len(measured(run)) == 5
    assert measured(run) == measured(by_file)
    for record in RunFolder(run).records():
        trial_id = record.ask.trial_id
        for mine, file in zip(
            RunFolder(run).scores(trial_id), RunFolder(by_file).scores(trial_id), strict=True
        ):
            np.testing.assert_array_equal(mine, file)
    params = [json.loads(row) for row in _column(run, "params") if row]
    assert params
    assert not any("code" in one for one in params)
    assert set(filter(None, _column(run, "trunk"))) > {"notebook:build"}

    # From the shell, elsewhere: the function is in the run, and the arrays in prepared/.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command(elsewhere, "resume", str(run), "--set", "budget.trials=4")
    assert len(RunFolder(run).records()) == 6
    assert f"trial {best}: identical" in command(elsewhere, "reproduce", str(run), best)
    command(elsewhere, "promote", str(run), "--trial", best, "--to", "bundle")
    config = yaml.safe_load((elsewhere / "bundle" / "config.yaml").read_text())
    assert "code" not in config["config"]
    assert config["input"]["source"] == "arrays"


def _column(run: Path, name: str) -> list:
    import pyarrow.parquet as pq

    return pq.read_table(run / "leaderboard.parquet")[name].to_pylist()


def test_an_interrupt_ends_a_search_in_one_line_and_the_run_is_kept(tmp_path):
    write_study(tmp_path)
    script(tmp_path, 50, training={"epochs": 400})
    driver = Driver(["cells.py"], tmp_path)
    records = tmp_path / "runs" / "ours" / "records"
    assert driver.until(lambda: len([*records.glob("*.json")]) >= 3, 600), driver.said
    os.kill(driver.process.pid, signal.SIGINT)
    line, still_there, rows = told(driver)
    assert "the search was interrupted with" in line
    assert "go on with: python search.py resume runs/ours" in line
    assert not still_there, "the Ray that the search started must end with it"
    assert rows == len(RunFolder(tmp_path / "runs" / "ours").records()) >= 3


WITHOUT_A_PATH = """
import sys
import ray
ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
sys.path.insert(0, {root!r})
import headsearch, numpy
try:
    headsearch.search(numpy.arange(80.0).reshape(40, 2), numpy.arange(40) % 2, network="mlp")
except headsearch.RunError as error:
    print(error)
assert ray.is_initialized()
"""


def test_a_ray_whose_workers_do_not_find_us_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "cells.py").write_text(WITHOUT_A_PATH.format(root=str(ROOT)))
    alone = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "cells.py"], cwd=tmp_path, env=alone, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()[-1]
    assert line.startswith("workers must find headsearch, but those of the Ray that is there already do not")
    assert f"ray.init(runtime_env={{'env_vars': {{'PYTHONPATH': '{ROOT}'}}}})" in line
    assert not (tmp_path / "runs").exists()


@pytest.fixture(autouse=True)
def _none_is_left():
    yield
    driving.stop_all()


@pytest.mark.skipif(
    find_spec("nbclient") is None or find_spec("ipykernel") is None, reason="needs nbclient and ipykernel"
)
def test_the_notebook_holds_from_top_to_bottom(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.notebook", str(tmp_path / "done.ipynb")],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "done.ipynb").read_text())["cells"]
    outputs = [one for cell in cells for one in cell.get("outputs", ())]
    said = "\n".join(map(shown, outputs))
    # The confusion, with its numbers.
    softmax, sigmoid, decoded = (
        float(line.rpartition(" ")[2])
        for line in said.splitlines()
        if line.startswith(("softmax, argmax", "sigmoid, "))
    )
    assert sigmoid == 0.5
    assert min(softmax, decoded) > 0.8
    # What a cell has shown stays: the data, where it runs, and the last state of the search.
    assert "data arrays: train" in said
    assert "run runs/heads on local Ray" in said
    assert "8/8 trials, 0 running" in said
    (error,) = (one for one in outputs if one["output_type"] == "error")
    assert error["traceback"] == [f"RunError: {error['evalue']}"]
    assert "softmax over one unit is the constant 1" in error["evalue"]
    kept = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    assert [cell["source"] for cell in kept] == [cell["source"] for cell in cells]
    kept_said = "\n".join(shown(one) for cell in kept for one in cell.get("outputs", ()))
    assert "sigmoid, argmax: 0.500" in kept_said
    assert "/home/" not in kept_said


def shown(output: dict) -> str:
    """What a cell shows, as text."""
    return "".join(output.get("text", output.get("data", {}).get("text/plain", "")))
