"""What is promoted: any trial that was trained, its graph deciding as numpy does, and nothing unsound."""

import math

import numpy as np
import pytest

from cluster.cli import main
from reports.bundles import card, picking, promotion
from reports.bundles.bundle import load as bundle_of
from search.runs.run_folder import RunFolder
from search.scores.metrics import decide
from spaces.errors import RunError
from spaces.heads import HEADS
from tests.helpers.driving import write_study
from tests.helpers.schemas import content, faults
from tests.helpers.shipping import copied, train, validation

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("keras")]

PAIRS = [(head.name, loss) for head in HEADS.values() for loss in head.losses]


@pytest.fixture(scope="module")
def every_head(tmp_path_factory) -> RunFolder:
    """One trained trial of every head with every loss; labels are booleans, and true is common."""
    folder = tmp_path_factory.mktemp("booleans")
    data = {"source": "npz", "path": str(folder / "data.npz"), "group": "group", "positive": False}
    study = write_study(folder, {"data": data}, labels=(True, False))
    made = RunFolder(folder / "run")
    train(made, study, PAIRS)
    return made


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
