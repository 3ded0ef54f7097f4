"""Production: the bundle decides as the trial did, by itself, and refuses what it cannot vouch for."""

import math
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from cluster.cli import main
from reports.bundles import card, picking, promotion
from reports.bundles.bundle import Bundle
from reports.bundles.bundle import load as bundle_of
from reports.bundles.schema import BundleConfig
from search.data.rows import Labels
from search.runs.run_folder import RunFolder
from search.scores.metrics import decide
from search.trials.preparation import prepare
from spaces.errors import RunError
from spaces.heads import HEADS
from tests.helpers import driving
from tests.helpers.driving import Driver, write_study
from tests.helpers.schemas import content, faults
from tests.helpers.shipping import copied, train, validation

pytestmark = [pytest.mark.heavy, pytest.mark.usefixtures("keras")]

PAIRS = [(head.name, loss) for head in HEADS.values() for loss in head.losses]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A finished run of `search.py run` whose labels are text, the positive one first in the alphabet."""
    folder = tmp_path_factory.mktemp("text")
    study = write_study(
        folder,
        {
            "data": {"source": "npz", "path": "data.npz", "group": "group", "positive": "attack"},
            "training": {"epochs": 4},
            "budget": {"trials": 4},
            "keep": {"checkpoints": 2},
        },
        labels=("calm", "attack"),
    )
    search = str(driving.ROOT / "search.py")
    driver = Driver([search, "run", str(study), "--address", "local"], folder)
    assert driver.wait() == 0, driver.said
    return RunFolder(folder / "runs" / "toy")


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory) -> Path:
    """The best trial, promoted by the command."""
    to = tmp_path_factory.mktemp("bundle") / "best"
    assert main(["promote", str(run.path), "--to", str(to)]) == 0
    return to


@pytest.fixture(scope="module")
def every_head(tmp_path_factory) -> RunFolder:
    """One trained trial of every head with every loss; labels are booleans, and true is common."""
    folder = tmp_path_factory.mktemp("booleans")
    study = write_study(
        folder, {"training": {"epochs": 3}, "keep": {"checkpoints": 99}}, labels=(True, False)
    )
    text = yaml.safe_load(study.read_text())
    text["data"] |= {"path": str(folder / "data.npz"), "positive": False}
    study.write_text(yaml.safe_dump(text))
    made = RunFolder(folder / "run")
    train(made, study, PAIRS)
    return made


def test_the_bundle_decides_as_the_trial_did(run, bundle):
    loaded = bundle_of(bundle)
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


def test_the_score_of_the_test_split_is_that_of_its_rows(run, bundle):
    """The card's numbers, once more from the bundle's own predictions on the test rows."""
    loaded = bundle_of(bundle)
    prepared = prepare(run.study(), run.path, run.prepared)
    rows, test = prepared.rows, prepared.split.test
    label = loaded.predict(rows.x[test])["label"].to_numpy(zero_copy_only=False) == "attack"
    truth = rows.y[test] == 1
    found = loaded.config.test.metrics
    assert found["sensitivity"].value == pytest.approx((label & truth).sum() / truth.sum())
    assert found["precision"].value == pytest.approx((label & truth).sum() / label.sum())
    assert loaded.config.test.rows == len(test)
    assert not set(rows.groups[test]) & set(rows.groups[prepared.split.validation])


def test_predict_writes_the_original_labels(run, bundle, tmp_path, capsys):
    x = validation(run)
    np.savez(tmp_path / "new.npz", X=x)
    out = tmp_path / "out.parquet"
    assert main(["predict", str(bundle), str(tmp_path / "new.npz"), "--out", str(out)]) == 0
    assert "positive is 'attack'" in capsys.readouterr().out
    table = pq.ParquetFile(out).read()
    assert table.column_names == ["row", "score", "probability", "label"]
    assert table["row"].to_pylist() == list(range(len(x)))
    loaded = bundle_of(bundle)
    assert table.drop_columns(["row"]).equals(loaded.predict(x))
    assert set(table["label"].to_pylist()) == {"attack", "calm"}


ALONE = """
import sys
import keras, numpy as np
for name in ("spaces", "search", "reports", "cluster"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{name} can be imported here")
model = keras.saving.load_model(sys.argv[1], compile=False, safe_mode=True)
with np.load(sys.argv[2]) as arrays:
    np.savez(sys.argv[3], **model.predict(arrays["X"], batch_size=512, verbose=0))
"""


def test_the_model_loads_in_safe_mode_where_our_code_is_not(run, bundle, tmp_path):
    x = validation(run)
    np.savez(tmp_path / "x.npz", X=x)
    (tmp_path / "alone.py").write_text(ALONE)
    arguments = ["alone.py", str(bundle / "model.keras"), "x.npz", "out.npz"]
    done = subprocess.run(
        [sys.executable, "-I", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outputs = bundle_of(bundle).model.predict(x, batch_size=512, verbose=0)
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
def test_rows_that_the_bundle_was_not_trained_on_are_refused(bundle, x, message):
    with pytest.raises(RunError, match=message):
        bundle_of(bundle).predict(x)


def test_other_units_are_told_by_the_root_mean_square_of_the_training_rows(run, bundle):
    loaded = bundle_of(bundle)
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


def test_a_second_look_at_the_test_split_stands_on_the_card(every_head, tmp_path):
    made = copied(every_head, tmp_path / "run")
    promotion.promote(made, picking.pick(made, "00000"), tmp_path / "one")
    (tmp_path / "two").mkdir()
    promotion.promote(made, picking.pick(made, "00003"), tmp_path / "two")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"run", "one", "two", "test_opened.json", ".test_opened.lock"}
    cards = [(tmp_path / name / "MODEL_CARD.md").read_text() for name in ("one", "two")]
    assert "The test split was opened once" in cards[0]
    assert "The test split was opened 2 times" in cards[1]
    assert "no longer unbiased" in cards[1]
    assert bundle_of(tmp_path / "two").config.test.times_opened == 2


def test_booleans_come_back_as_booleans(every_head, tmp_path):
    choice = picking.pick(every_head, None)
    record = choice.record
    promotion.promote(every_head, choice, tmp_path / "bundle")
    loaded = bundle_of(tmp_path / "bundle")
    assert loaded.labels.positive is False
    assert loaded.labels.negative is True
    _, score = every_head.scores(record.ask.trial_id)
    label = loaded.predict(validation(every_head))["label"]
    assert label.to_pylist() == [not positive for positive in decide(score, record.threshold_score)]


@pytest.fixture
def damaged(every_head, tmp_path) -> RunFolder:
    """A run with a baseline, a failed trial and a leaky one among the good ones."""
    made = copied(every_head, tmp_path / "damaged")
    good = made.record("00000")
    nothing = {"value": None, "threshold_score": None, "calibration_a": None, "metrics": {}}
    baseline = good.ask.model_copy(update={"kind": "baseline", "baseline": "prevalence", "config": None})
    for number, changes in (
        (20, {"ask": baseline}),
        (21, {"state": "failed", "error": "the loss became nan", **nothing}),
        (22, {"leaky": True}),
    ):
        record = good.model_copy(update=changes)
        ask = record.ask.model_copy(update={"number": number})
        made.write_record(record.model_copy(update={"ask": ask}))
    made.drop_weights("00002")
    return made


@pytest.mark.parametrize(
    ("trial", "message"),
    [
        ("00020", "only a trained trial can be promoted, but 00020 is the baseline prevalence"),
        ("00021", "only a trained trial can be promoted, but 00021 is failed: the loss became nan"),
        ("00022", "trial 00022 was measured on a leaky split"),
        ("00099", "no trial '00099' in "),
        ("best", "no trial 'best' in "),
        ("../records/00000", "no trial '../records/00000' in "),
        ("00002", "weights are kept for the best trials only (keep.checkpoints), and not for 00002; kept"),
    ],
)
def test_a_trial_that_cannot_be_shipped_is_one_line(damaged, tmp_path, capsys, trial, message):
    to = tmp_path / "bundle"
    assert main(["promote", str(damaged.path), "--trial", trial, "--to", str(to)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"search.py: {message}")
    assert not to.exists()
    assert not (damaged.path.parent / "test_opened.json").exists(), "the test split was opened for nothing"


@pytest.mark.parametrize("what", ["full", "file"])
def test_a_bundle_goes_into_a_new_or_empty_folder_only(every_head, tmp_path, capsys, what):
    to = tmp_path / "bundle"
    if what == "full":
        to.mkdir()
        (to / "notes.txt").write_text("mine")
    else:
        to.write_text("mine")
    ledger = every_head.path.parent / "test_opened.json"
    before = ledger.exists()
    assert main(["promote", str(every_head.path), "--to", str(to)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"search.py: a bundle goes into a new or empty folder, but {to} is not empty"
    assert ledger.exists() == before


def test_a_place_where_nothing_can_be_written_is_found_out_before_the_test_split_is_opened(
    every_head, tmp_path, capsys, monkeypatch
):
    made, to = copied(every_head, tmp_path / "run"), tmp_path / "notes.txt" / "bundle"
    to.parent.write_text("mine")
    assert main(["promote", str(made.path), "--to", str(to)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"search.py: a bundle is built beside its folder, but in {to.parent} no folder can"
    )
    monkeypatch.setattr(promotion.os.path, "ismount", lambda path: path == tmp_path / "disk")
    with pytest.raises(RunError, match="disk is where a disk is mounted; name one in it"):
        promotion.promote(made, picking.pick(made, "00000"), tmp_path / "disk")
    assert {path.name for path in tmp_path.iterdir()} == {"run", "notes.txt"}


def test_a_failure_leaves_no_half_bundle(every_head, tmp_path, monkeypatch):
    made, to = copied(every_head, tmp_path / "run"), tmp_path / "bundle"
    choice, said = picking.pick(made, "00000"), card.text
    monkeypatch.setattr(card, "text", lambda record, config: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        promotion.promote(made, choice, to)
    assert {path.name for path in tmp_path.iterdir()} == {"run", "test_opened.json", ".test_opened.lock"}

    def filled(record, config):
        to.mkdir()
        (to / "theirs").write_text("written in the meantime")
        return said(record, config)

    monkeypatch.setattr(card, "text", filled)
    with pytest.raises(RunError, match=r"the bundle is done, but could not become .*: Directory not empty"):
        promotion.promote(made, choice, to)
    assert [path.name for path in to.iterdir()] == ["theirs"]


def test_changed_weights_are_not_shipped(every_head, tmp_path):
    made = copied(every_head, tmp_path / "run")
    weights = made.weights("00000")
    made.write_weights("00000", [weight + 0.01 for weight in weights])
    with pytest.raises(RunError, match="must give its stored scores, but they differ by up to"):
        promotion.promote(made, picking.pick(made, "00000"), tmp_path / "bundle")
    made.write_weights("00000", weights[:-1])
    with pytest.raises(RunError, match="the weights of trial 00000 are another network's"):
        promotion.promote(made, picking.pick(made, "00000"), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.fixture(scope="module")
def built(every_head):
    """Builds the deciding model of a trial, and its network alone, for rows of every size."""
    from search.networks import export
    from search.networks import model as network

    rng = np.random.default_rng(0)
    x = np.concatenate([validation(every_head), 30 * rng.normal(size=(400, 4)).astype(np.float32)])

    def build(number: int, **changes):
        record = every_head.record(f"{number:05d}").model_copy(update=changes)
        weights = every_head.weights(record.ask.trial_id)
        plain = network.build(record.ask.config, (4,), "float32")
        plain.set_weights(weights)
        logits = plain.predict(x, batch_size=512, verbose=0)
        decider = export.deciding_model(record, weights, (4,), "float32")
        return record, logits, decider.predict(x, batch_size=512, verbose=0)

    return build


@pytest.mark.parametrize("number", range(len(PAIRS)), ids=["-".join(pair) for pair in PAIRS])
def test_the_graph_decides_as_numpy_does(built, number):
    record, logits, outputs = built(number)
    assert logits.dtype == np.float32
    raw = HEADS[PAIRS[number][0]].score(logits)
    score = np.float32(record.calibration_a) * raw + np.float32(record.calibration_b)
    assert outputs["score"].dtype == np.float32
    scale = np.abs(np.float32(record.calibration_a) * raw) + np.abs(np.float32(record.calibration_b))
    assert np.max(np.abs(outputs["score"] - score) / scale) <= 1e-6
    np.testing.assert_array_equal(outputs["label"] == 1, decide(outputs["score"], record.threshold_score))
    np.testing.assert_array_equal(outputs["label"] == 1, decide(score, record.threshold_score))
    assert 0 < outputs["label"].sum() < len(score)


@pytest.mark.parametrize("bound", [-math.inf, math.inf])
@pytest.mark.parametrize("number", [0, 3, 6], ids=["sigmoid", "softmax", "margin"])
def test_an_infinite_threshold_says_always_or_never(built, number, bound):
    _, _, outputs = built(number, threshold_score=bound)
    assert set(outputs["label"].tolist()) == {int(bound < 0)}


def test_a_bundle_that_never_alarms_is_shipped_and_read(every_head, tmp_path):
    made = copied(every_head, tmp_path / "run")
    choice = picking.pick(made, "00000", threshold_score=math.inf, force=True)
    test = promotion.promote(made, choice, tmp_path / "bundle").test
    assert test["precision"].value is None
    assert test["sensitivity"].value == 0
    loaded = bundle_of(tmp_path / "bundle")
    assert loaded.config.decision.threshold_score == math.inf
    assert faults(content(tmp_path / "bundle" / "config.yaml"), "bundle.schema.json") == []
    assert set(loaded.predict(validation(made))["label"].to_pylist()) == {True}
