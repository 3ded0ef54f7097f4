"""Production: the bundle decides as the trial did, by itself, and refuses rows that it was not trained on."""

import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster.cli import main
from reports.bundles import picking
from reports.bundles.bundle import Bundle
from reports.bundles.bundle import load as bundle_of
from reports.bundles.schema import BundleConfig
from search.data.rows import Labels
from search.runs.run_folder import RunFolder
from search.scores.metrics import decide
from search.trials.preparation import prepare
from spaces.errors import RunError
from tests.helpers.driving import write_study
from tests.helpers.schemas import content, faults
from tests.helpers.shipping import NOTHING_OF_OURS, promoted, train, validation

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A run of two trials whose labels are text, the positive one first in the alphabet."""
    folder = tmp_path_factory.mktemp("text")
    study = write_study(
        folder,
        {
            "data": {
                "source": "npz",
                "path": str(folder / "data.npz"),
                "group": "group",
                "positive": "attack",
            },
            "training": {"epochs": 4},
        },
        labels=("calm", "attack"),
    )
    made = RunFolder(folder / "runs" / "toy")
    train(made, study, [("sigmoid", "bce"), ("softmax", "cce")])
    return made


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory) -> Path:
    """The best trial, promoted by the command."""
    return promoted(run, tmp_path_factory.mktemp("bundle") / "best")


@pytest.fixture(scope="module")
def loaded(bundle) -> Bundle:
    return bundle_of(bundle)


def test_the_bundle_decides_as_the_trial_did(run, loaded):
    record = run.record(loaded.config.trial_id)
    assert record == picking.pick(run, None).record
    _, score = run.scores(record.ask.trial_id)
    table = loaded.predict(validation(run))
    expected = np.where(decide(score, record.threshold_score), "attack", "calm")
    np.testing.assert_array_equal(table["label"].to_numpy(zero_copy_only=False), expected)
    np.testing.assert_allclose(table["score"].to_numpy(), score, rtol=1e-5, atol=1e-6)
    probability = 1 / (1 + np.exp(-table["score"].to_numpy().astype(np.float64)))
    np.testing.assert_allclose(table["probability"].to_numpy(), probability, rtol=1e-6)
    assert loaded.config.labels == Labels("calm", "attack")
    assert loaded.config.decision.threshold_score == record.threshold_score
    assert loaded.config.test.times_opened == 1


def test_its_config_is_what_the_schema_says(bundle):
    said = content(bundle / "config.yaml")
    assert faults(said, "bundle.schema.json") == []
    read = BundleConfig.model_validate(said)
    assert read.text() == (bundle / "config.yaml").read_text(encoding="utf-8")
    wrong = deepcopy(said)
    wrong["decision"]["chosen_by"], wrong["test"]["rows"] = "nobody", "many"
    del wrong["labels"]
    assert sorted(faults(wrong, "bundle.schema.json")) == [
        "$.decision.chosen_by: 'nobody' is not one of ['policy', 'hand']",
        "$.test.rows: 'many' is not of type 'integer'",
        "$: 'labels' is a required property",
    ]
    assert faults({**said, "of_a_later_version": 1}, "bundle.schema.json") == []


def test_the_score_of_the_test_split_is_that_of_its_rows(run, loaded):
    """The card's numbers, once more from the bundle's own predictions on the test rows."""
    prepared = prepare(run.study(), run.path, run.prepared)
    rows, test = prepared.rows, prepared.split.test
    label = loaded.predict(rows.x[test])["label"].to_numpy(zero_copy_only=False) == "attack"
    truth = rows.y[test] == 1
    found = loaded.config.test.metrics
    assert found["sensitivity"].value == pytest.approx((label & truth).sum() / truth.sum())
    assert found["precision"].value == pytest.approx((label & truth).sum() / label.sum())
    assert loaded.config.test.rows == len(test)
    assert not set(rows.groups[test]) & set(rows.groups[prepared.split.validation])


def test_predict_writes_the_original_labels(run, bundle, loaded, tmp_path, capsys):
    x = validation(run)
    np.savez(tmp_path / "new.npz", X=x)
    out = tmp_path / "out.parquet"
    assert main(["predict", str(bundle), str(tmp_path / "new.npz"), "--out", str(out)]) == 0
    assert "positive is 'attack'" in capsys.readouterr().out
    table = pq.ParquetFile(out).read()
    assert table.column_names == ["row", "score", "probability", "label"]
    assert table["row"].to_pylist() == list(range(len(x)))
    assert table.drop_columns(["row"]).equals(loaded.predict(x))
    assert set(table["label"].to_pylist()) == {"attack", "calm"}


ALONE = f"""
import sys
import keras, numpy as np
{NOTHING_OF_OURS}
model = keras.saving.load_model(sys.argv[1], compile=False, safe_mode=True)
with np.load(sys.argv[2]) as arrays:
    np.savez(sys.argv[3], **model.predict(arrays["X"], batch_size=512, verbose=0))
"""


@pytest.mark.slow
def test_the_model_loads_in_safe_mode_where_our_code_is_not(run, bundle, loaded, tmp_path):
    x = validation(run)
    np.savez(tmp_path / "x.npz", X=x)
    (tmp_path / "alone.py").write_text(ALONE)
    arguments = ["alone.py", str(bundle / "model.keras"), "x.npz", "out.npz"]
    done = subprocess.run(
        [sys.executable, "-I", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outputs = loaded.model.predict(x, batch_size=512, verbose=0)
    with np.load(tmp_path / "out.npz") as alone:
        for name in ("score", "probability", "label"):
            np.testing.assert_array_equal(alone[name], outputs[name])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 5), np.float32), r"takes rows of shape \(4,\), but got \(5,\)"),
        (np.zeros((3, 4, 1), np.float32), r"takes rows of shape \(4,\), but got \(4, 1\)"),
        (np.zeros((0, 4), np.float32), "the data has no rows"),
        (np.array([[0, 0, 0, 0], [0, np.nan, 0, 0]]), "inputs must be finite, but 1 of 2 rows .* row 1"),
        (np.array([[0, 0, 0, np.inf]], np.float32), "inputs must be finite, but 1 of 1 rows"),
        (np.array([[0, 0, 0, 1e300]]), "inputs must be finite, but 1 of 1 rows"),
        (
            np.full((3, 4), -1e6),
            r"trained on rows of root mean square [\d.]+, but these have 1e\+06: other units",
        ),
        (np.full((3, 4), 1e-6, np.float32), "but these have 1e-06: other units?"),
        (np.array([["1", "2", "3", "4"]]), "takes numbers, but got <U1"),
        (np.zeros((3, 4), complex), "takes numbers, but got complex128"),
        (np.zeros((3, 4), "datetime64[s]"), "takes numbers, but got datetime64"),
    ],
)
def test_rows_that_the_bundle_was_not_trained_on_are_refused(loaded, x, message):
    with pytest.raises(RunError, match=message):
        loaded.predict(x)


def test_other_units_are_told_by_the_root_mean_square_of_the_training_rows(run, loaded):
    prepared = prepare(run.study(), run.path, run.prepared)
    x = prepared.rows.x[prepared.split.train].astype(np.float64)
    trained = loaded.config.input.root_mean_square
    assert trained == pytest.approx(np.sqrt((x**2).mean()))
    for times in (0.0, 1 / 99, 1.0, 30.0):
        assert len(loaded.predict(np.full((3, 4), times * trained))) == 3
    for times in (1 / 255, 1 / 101, 101.0):
        with pytest.raises(RunError, match=r"other units\?$"):
            loaded.predict(np.full((3, 4), times * trained))
    known = loaded.config.input
    assert len(known.quantiles) == 4

    def of(**unknown):
        older = known.model_copy(update=unknown)
        return Bundle(loaded.config.model_copy(update={"input": older}), loaded.model)

    before_quantiles = of(quantiles=None)
    assert len(before_quantiles.predict(np.full((3, 4), 99.0 * trained))) == 3
    earlier = of(quantiles=None, root_mean_square=None)
    assert len(earlier.predict(np.full((3, 4), 1e6))) == 3


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros((3, 5))}, "the bundle takes rows of shape (4,), but got (5,)"),
        ({"a": np.zeros((3, 4)), "b": np.zeros((5, 4))}, "or the only one of rows of shape (4,)"),
        ({"X": np.zeros((3, 4), np.uint8)}, "was never shown uint8"),
        ({"X": np.full((3, 4), np.nan)}, "inputs must be finite, but 3 of 3 rows are not"),
        ({"X": np.zeros((0, 4))}, "there is nothing to predict"),
        ({"X": np.array([[None] * 4])}, "arrays of Python objects are not loaded"),
    ],
)
def test_predict_refuses_data_with_one_line_and_leaves_no_file(bundle, tmp_path, capsys, arrays, message):
    np.savez(tmp_path / "new.npz", **arrays)
    out = tmp_path / "out.parquet"
    assert main(["predict", str(bundle), str(tmp_path / "new.npz"), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert [path.name for path in tmp_path.iterdir()] == ["new.npz"]
