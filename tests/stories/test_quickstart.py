"""The quickstart as a newcomer runs it: hard enough to tell configurations apart, and true to the end."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def search_py(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "search.py"), *arguments], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder in which the quickstart was run, its best trial promoted, and a new patient predicted."""
    folder = tmp_path_factory.mktemp("quickstart")
    (folder / "printed.txt").write_text(
        search_py("run", str(ROOT / "studies" / "quickstart.yaml"), "--address", "local", cwd=folder)
    )
    search_py("promote", "runs/quickstart", "--to", "bundle", cwd=folder)
    search_py("predict", "bundle", "simulated_eeg", "--out", "new.parquet", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def rows(folder) -> list[dict]:
    return pq.read_table(folder / "runs" / "quickstart" / "leaderboard.parquet").to_pylist()


def test_it_finishes_sixteen_trials_with_all_heads_and_no_failure(folder, rows):
    searched = [r for r in rows if r["kind"] != "baseline"]
    assert len(searched) == 16
    assert {r["head"] for r in searched} == {"sigmoid", "softmax", "margin"}
    assert {r["state"] for r in rows} <= {"completed", "stopped"}
    assert max(r["proof"] for r in searched) <= 1e-4
    assert rows[0]["trial_id"] in (folder / "printed.txt").read_text()


def test_it_is_hard_for_a_linear_model_and_tells_configurations_apart(rows):
    values = [r["value"] for r in rows if r["kind"] != "baseline"]
    linear = next(r["value"] for r in rows if r["trunk"] == "logistic_regression")
    print(f"logistic regression {linear:.3f}; trials {sorted(np.round(values, 3))}")
    assert linear <= 0.75
    assert 0.85 <= max(values) <= 0.95
    assert max(values) - min(values) >= 0.1


def test_the_bundle_is_the_best_trial_and_finds_a_new_patients_seizures(folder, rows):
    from search.data.sources.simulated_eeg import simulate

    config = yaml.safe_load((folder / "bundle" / "config.yaml").read_text())
    assert config["trial_id"] == rows[0]["trial_id"]
    assert config["test"]["times_opened"] == 1
    predicted = pq.read_table(folder / "new.parquet")
    assert predicted.column_names == ["window", "score", "probability", "label"]
    from reports.bundles.inputs import NEW_PATIENT_SEED

    truth = simulate(patients=1, windows=300, seed=NEW_PATIENT_SEED).y == 1
    found = np.array(predicted["label"].to_pylist()) == 1
    sensitivity, specificity = found[truth].mean(), (~found[~truth]).mean()
    print(f"new patient: sensitivity {sensitivity:.3f}, specificity {specificity:.3f}")
    assert (sensitivity + specificity) / 2 > 0.7
