"""The bundle as an MLflow model, where MLflow is installed (`uv pip install mlflow-skinny`)."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml

from cluster.tracking import promoted
from reports.bundles import picking, promotion
from reports.bundles.bundle import load
from search.runs.run_folder import RunFolder
from spaces.track import Track
from tests.conftest import ROOT
from tests.helpers.driving import write_study
from tests.helpers.shipping import train, validation

pytestmark = [
    pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed"),
    pytest.mark.slow,
    pytest.mark.usefixtures("keras"),
]

ALONE = """
import json, sys
import numpy as np
import mlflow.pyfunc
model = mlflow.pyfunc.load_model("bundle/mlflow")
np.savez("said.npz", **model.predict(np.load("x.npy")))
loaded = {"spaces", "search", "reports", "keras", "tensorflow"} & set(sys.modules)
print(json.dumps([sorted(loaded), model.metadata.signature.outputs.input_names()]))
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A promoted bundle, and the rows that it was validated on."""
    folder = tmp_path_factory.mktemp("mlflow")
    data = {"source": "npz", "path": str(folder / "data.npz"), "group": "group"}
    run = RunFolder(folder / "runs" / "toy")
    train(run, write_study(folder, {"data": data}), [("softmax", "cce")])
    promotion.promote(run, picking.pick(run, "00000"), folder / "bundle")
    np.save(folder / "x.npy", validation(run))
    return folder


def test_it_decides_as_the_bundle_does_in_a_process_without_our_code(work):
    command = [sys.executable, "-P", "-W", "ignore", "-c", ALONE]
    ended = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert json.loads(ended.stdout) == [[], ["score", "probability", "label"]]
    table = load(work / "bundle").predict(np.load(work / "x.npy"))
    with np.load(work / "said.npz") as said:
        assert said["label"].dtype == np.int32
        np.testing.assert_array_equal(said["label"], table["label"].to_numpy())
        np.testing.assert_allclose(said["probability"], table["probability"].to_numpy(), atol=1e-5)
    load(work / "bundle")  # MLflow has added no file to it, which would be refused


def test_the_card_says_how_far_it_agrees_and_nothing_names_this_machine(work):
    (told,) = (
        one
        for one in yaml.safe_load((work / "bundle" / "config.yaml").read_text())["exports"]
        if one["name"] == "mlflow"
    )
    assert told["compared_rows"] > 50
    assert told["probability_difference"] <= 1e-5
    assert "\n- mlflow: says what model.keras says: on " in (work / "bundle" / "MODEL_CARD.md").read_text()
    for path in (work / "bundle" / "mlflow").rglob("*"):
        assert path.is_dir() or str(work).encode() not in path.read_bytes(), path


def test_a_promoted_model_is_kept_with_the_run_of_its_trial(work, tmp_path, monkeypatch):
    from mlflow import artifacts, pyfunc, set_tracking_uri

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    run, place = RunFolder(work / "runs" / "toy"), str(tmp_path / "mlruns")
    study = run.study().model_copy(update={"track": Track(mlflow=place)})
    (line,) = promoted(run, study, "00000", work / "bundle")
    model = line.removeprefix("mlflow: the model is ")
    set_tracking_uri(place)
    said, table = pyfunc.load_model(model).predict(np.load(work / "x.npy")), load(work / "bundle").predict
    np.testing.assert_array_equal(said["label"], table(np.load(work / "x.npy"))["label"].to_numpy())
    card = artifacts.download_artifacts(f"{model.rpartition('/')[0]}/bundle/MODEL_CARD.md")
    assert Path(card).read_bytes() == (work / "bundle" / "MODEL_CARD.md").read_bytes()


@pytest.mark.parametrize("state", ["FINISHED", "KILLED", None])
def test_a_promotion_leaves_the_run_of_the_search_as_it_ended(work, tmp_path, state, monkeypatch):
    """None: the search was not logged, or was deleted there; no search is at work then either."""
    from mlflow import MlflowClient

    from cluster.mlflow_tracker import MlflowTracker

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    run, place = RunFolder(work / "runs" / "toy"), str(tmp_path / "mlruns")
    if state is not None:
        MlflowTracker(place, run).end(state)
    (line,) = promoted(
        run, run.study().model_copy(update={"track": Track(mlflow=place)}), "00000", work / "bundle"
    )
    assert line.startswith("mlflow: the model is runs:/")
    client = MlflowClient(tracking_uri=place)
    (experiment,) = (one for one in client.search_experiments() if one.name == run.study().name)
    found = {one.info.run_name: one.info for one in client.search_runs([experiment.experiment_id])}
    assert {name: one.status for name, one in found.items()} == {
        "toy": state or "FINISHED",
        "00000": "FINISHED",
    }
    assert found["toy"].end_time


def test_other_rows_are_refused_by_its_signature(work):
    from mlflow import pyfunc
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=r"\(3, 5\) does not match expected shape \(-1, 4\)"):
        pyfunc.load_model(str(work / "bundle" / "mlflow")).predict(np.zeros((3, 5), np.float32))


def test_the_caller_of_the_docs_works(work, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "bundles.md").read_text(), flags=re.S)
    (block,) = (block for block in blocks if "mlflow" in block)
    np.savez(work / "new.npz", X=np.load(work / "x.npy"))
    monkeypatch.chdir(work)
    exec(block, {})
    label = load(work / "bundle").predict(np.load(work / "x.npy"))["label"].to_numpy()
    assert str(label[:3]) in capsys.readouterr().out
