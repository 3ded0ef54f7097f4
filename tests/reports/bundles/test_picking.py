"""Picking a trial: by value under requirements, with a threshold by hand, never one that proves nothing."""

import math
from pathlib import Path

import numpy as np
import pytest

from cluster.cli import main
from reports.boards.requirements import parse
from reports.bundles.picking import pick
from search.record import Ask, Estimate, Record
from search.runs.run_folder import RunFolder
from search.scores.half_splits import draw_halves
from search.scores.metrics import sigmoid
from search.scores.reference import Reference
from spaces.errors import RunError
from spaces.policies import MaxF1
from spaces.study_file import parse as parse_study
from tests.helpers import reference as slow
from tests.helpers.measured import measure
from tests.helpers.toys import config

STUDY = parse_study({"name": "toy", "objective": {"calibration": "none"}})
ROWS = 240


@pytest.fixture
def run(tmp_path) -> RunFolder:
    """Trials 0 to 3, ever better; weights of the last but one are kept. Number 4 is the best, a baseline."""
    made = RunFolder(tmp_path / "runs" / "toy")
    rng = np.random.default_rng(0)
    y = (rng.random(ROWS) < 0.4).astype(np.int8)
    groups = np.repeat([f"g{k}" for k in range(24)], ROWS // 24)
    reference = Reference(
        y=y, groups=groups, recordings=None, times=None, halves=draw_halves(y, groups, None, 0),
        window_s=None, timeline=None,
    )  # fmt: skip
    made.write_reference(reference, np.arange(ROWS))
    made.create(STUDY, {"data_digest": "d", "split_digest": "s"})
    for number, apart in enumerate((0.5, 1.0, 1.5, 2.0, 4.0)):
        raw = (rng.normal(size=ROWS) + apart * y).astype(np.float32)
        measured = measure(raw, reference, STUDY, MaxF1(), probabilistic=True)
        baseline = number == 4
        ask = Ask(
            number=number,
            kind="baseline" if baseline else "search",
            baseline="logistic_regression" if baseline else None,
            config=None if baseline else config("sigmoid", "bce", learning_rate=0.01 * (1 + number)),
            seed=number,
        )
        made.write_scores(ask.trial_id, raw, measured.score)
        made.write_record(
            Record(
                ask=ask,
                state="completed",
                objective="f1",
                value=measured.value,
                steering="average_precision",
                threshold_policy="max_f1",
                threshold_score=measured.choice.threshold_score,
                threshold=measured.choice.threshold,
                plateau_low=measured.choice.low,
                plateau_high=measured.choice.high,
                calibration="none",
                calibration_a=1.0,
                calibration_b=0.0,
                metrics=measured.metrics,
                proof=None if baseline else 1e-7,
                train_s=1.0,
                finished_at="2026-01-01T00:00:00.000+00:00",
                device="cpu",
                node="here",
                threads=1,
                groups="known",
                leaky=False,
                cross_fit_by="group",
                data_digest="d",
                code_digest="c",
            )
        )
    made.write_weights("00002", [np.zeros(1, np.float32)])
    made.write_weights("00000", [np.zeros(1, np.float32)])
    return made


def change(run: RunFolder, trial_id: str, **changes) -> None:
    run.write_record(run.record(trial_id).model_copy(update=changes))


def test_the_best_with_kept_weights_is_taken_and_the_better_one_named(run):
    choice = pick(run, None)
    assert choice.record == run.record("00002")
    assert choice.better == run.record("00003")
    assert (choice.forced, choice.replaced) == ((), None)
    run.write_weights("00003", [np.zeros(1, np.float32)])
    assert pick(run, None).record == run.record("00003")
    assert pick(run, None).better is None
    assert pick(run, "00000").record == run.record("00000")


def test_requirements_come_before_the_value(run):
    # The best two are spoilt for a reason of their own.
    for trial_id in ("00002", "00003"):
        metrics = run.record(trial_id).metrics
        low = metrics["sensitivity"].__class__(value=0.2, low=None, high=None)
        change(run, trial_id, metrics={**metrics, "sensitivity": low})
    choice = pick(run, None, parse(["sensitivity.min=0.5"]))
    assert choice.record == run.record("00000")
    assert choice.better == run.record("00001")
    assert pick(run, None, parse(["sensitivity<=0.5"])).record == run.record("00002")
    run.drop_weights("00000")
    with pytest.raises(
        RunError, match="the best trial that fits, 00001, has no kept weights, nor has another"
    ):
        pick(run, None, parse(["sensitivity.min=0.5"]))


def test_when_nothing_fits_the_nearest_is_named_with_what_it_lacks(run, tmp_path, capsys):
    has = run.record("00003").metrics["specificity"].value
    asked = ["--require", "specificity.min=0.99", "--require", "value.min=0.1"]
    assert main(["promote", str(run.path), *asked, "--to", str(tmp_path / "b")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "search.py: no trial meets specificity.min=0.99, value.min=0.1; the nearest is 00003: "
        f"its specificity {has:.4g} is {0.99 - has:.2g} below 0.99"
    )
    # A metric of decisions may be reached by other thresholds, which is no promotion's to search for.
    asked = ["--require", "specificity.min=0.99", "--require", "sensitivity.min=0.5"]
    assert main(["promote", str(run.path), *asked, "--to", str(tmp_path / "b")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(
        f"is {0.99 - has:.2g} below 0.99; other thresholds may: "
        f"python search.py rescore {run.path} --require specificity.min=0.99 --require sensitivity.min=0.5"
    )
    for trial_id in (None, "00003"):
        with pytest.raises(RunError) as caught:
            pick(run, trial_id, parse(["specificity.min=0.1", "fa_per_day.max=2"]))
        assert caught.value.exit_code == 2
        assert str(caught.value) == (
            f"--require fa_per_day.max=2 needs event scores, but {run.path} has none, since the data name no "
            "recordings, no times, no window_s"
        )
    # Nor can a threshold change how scores rank.
    with pytest.raises(RunError, match=r"its roc_auc [\d.]+ is [\d.]+ below 1$"):
        pick(run, None, parse(["specificity.min=0.1", "roc_auc.min=1"]))
    with pytest.raises(RunError, match=r"^trial 00002 does not meet specificity.min=0.99: its spec"):
        pick(run, "00002", parse(["specificity.min=0.99"]))
    assert main(["promote", str(run.path), "--require", "sensitivity", "--to", str(tmp_path / "b")]) == 2
    assert "such as sensitivity.min=0.95" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"leaky": True}, "trial 00002 was measured on a leaky split"),
        (
            {"proof": None},
            "the decode of trial 00002 is not proven: a proof is at most 0.0001, but it has none",
        ),
        ({"proof": 2e-4}, "the decode of trial 00002 is not proven: .* but it has 0.0002"),
    ],
    ids=["leaky", "unproven", "ill proven"],
)
def test_numbers_that_are_not_to_be_trusted_are_refused_unless_forced(run, changes, reason):
    change(run, "00002", **changes)
    with pytest.raises(RunError, match=f"^{reason}.*--force ships it anyway, and its card begins with that"):
        pick(run, "00002")
    assert pick(run, None).record == run.record("00000"), "another one can be trusted"
    assert pick(run, None, force=True) == pick(run, None), "nothing has to be forced"
    forced = pick(run, "00002", force=True)
    assert forced.record.ask.trial_id == "00002"
    assert len(forced.forced) == 1
    best = run.record("00002").metrics["sensitivity"].value
    for trial_id in ("00000", "00001", "00003"):
        low = run.record(trial_id).metrics["sensitivity"].__class__(value=0.2, low=None, high=None)
        change(run, trial_id, metrics={**run.record(trial_id).metrics, "sensitivity": low})
    required = parse([f"sensitivity.min={best}"])
    with pytest.raises(RunError, match="no trial meets"):
        pick(run, None, required)
    assert pick(run, None, required, force=True) == forced, "none that can be trusted fits"
    for trial_id in ("00000", "00001", "00003"):
        change(run, trial_id, leaky=True)
    with pytest.raises(RunError, match="trial 00003 was measured on a leaky split"):
        pick(run, None)


def test_a_threshold_by_hand_is_measured_anew(run):
    record, (_, score), y = run.record("00002"), run.scores("00002"), run.reference().y
    choice = pick(run, "00002", threshold_score=1.1)
    cut = float(np.float32(1.1))
    assert choice.replaced == record.threshold_score != cut
    assert choice.record.threshold_score == cut
    assert choice.record.threshold == pytest.approx(float(sigmoid(cut)))
    assert (choice.record.plateau_low, choice.record.plateau_high) == (None, None)
    tp, fp, tn, fn = slow.counts(y, score, cut)
    assert choice.record.metrics["sensitivity"].value == pytest.approx(float(tp / (tp + fn)))
    assert choice.record.metrics["specificity"].value == pytest.approx(float(tn / (tn + fp)))
    for name in ("roc_auc", "average_precision", "brier"):
        assert choice.record.metrics[name] == record.metrics[name], "of no threshold"
    assert choice.record.value == record.value
    # What is required must hold at the threshold that ships.
    required = parse([f"sensitivity.min={record.metrics['sensitivity'].value}"])
    assert pick(run, "00002", required).record == record
    with pytest.raises(RunError, match="trial 00002 does not meet"):
        pick(run, "00002", required, 1.1)


def test_the_threshold_of_the_trial_itself_is_not_by_hand(run):
    record = run.record("00002")
    given = (record.threshold_score, float(np.float32(record.threshold_score)), record.threshold_score + 1e-9)
    for threshold_score in given:
        assert pick(run, "00002", parse(["value.min=0.1"]), threshold_score) == pick(run, "00002")
    change(run, "00002", threshold_score=math.inf, threshold=1.0, threshold_policy="fixed")
    assert pick(run, "00002", threshold_score=math.inf) == pick(run, "00002")


def constant(run, trial_id, cut, policy):
    """Gives a trial an infinite cut, with the metrics at it."""
    share = float(cut < 0)
    metrics = run.record(trial_id).metrics | {
        name: Estimate(value=value, low=value, high=value)
        for name, value in (("sensitivity", share), ("specificity", 1 - share))
    }
    change(run, trial_id, threshold_score=cut, threshold=share, threshold_policy=policy, metrics=metrics)


@pytest.mark.parametrize(("cut", "says"), [(math.inf, "negative"), (-math.inf, "positive")])
def test_a_constant_decision_is_shipped_only_where_a_person_chose_it(run, tmp_path, capsys, cut, says):
    constant(run, "00002", cut, "cost")
    refused = (
        f"a rule ships only decisions that differ, but cost makes every validation row of trial 00002 {says} "
        "(constant_decision); change the rule, or choose a finite cut by hand: --trial 00002 "
        "--threshold-score CUT"
    )
    for options in ([], ["--force"]):
        asked = ["promote", str(run.path), "--trial", "00002", *options, "--to", str(tmp_path / "b")]
        assert main(asked) == 2
        assert capsys.readouterr().err.splitlines() == [f"search.py: {refused}"]
    assert pick(run, "00002", threshold_score=0.5).replaced == cut
    change(run, "00002", threshold_policy="fixed")
    assert pick(run, "00002").record.threshold_score == cut


def test_the_best_that_decides_is_promoted_and_none_if_none_decides(run):
    assert pick(run, None).record.ask.trial_id == "00002"
    constant(run, "00002", math.inf, "cost")
    assert pick(run, None).record.ask.trial_id in ("00000", "00001", "00003")
    for trial_id in ("00000", "00001", "00003"):
        constant(run, trial_id, math.inf, "cost")
    with pytest.raises(RunError, match="but cost makes every validation row of trial 00003 negative"):
        pick(run, None, force=True)
    change(run, "00002", threshold_policy="fixed")
    with pytest.raises(RunError, match="of trial 00003 negative"):
        pick(run, None)


def test_a_value_is_not_required_of_a_threshold_that_it_is_not_of(run, tmp_path, capsys):
    for bound in ("value.min=0.1", "value.max=0.1"):
        asked = ["--trial", "00002", "--threshold-score", "3", "--require", bound]
        assert main(["promote", str(run.path), *asked, "--to", str(tmp_path / "b")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("search.py: --require value asks for the cross-fitted value of the rule's")


def test_a_threshold_belongs_to_a_trial_and_is_finite(run):
    with pytest.raises(RunError, match="needs that trial's id"):
        pick(run, None, threshold_score=1.0)
    with pytest.raises(RunError, match="but got nan"):
        pick(run, "00002", threshold_score=math.nan, force=True)
    for given, says in ((math.inf, "never"), (-math.inf, "always"), (1e300, "never")):
        with pytest.raises(RunError, match=f"takes a finite float32, but got .* would {says} say positive"):
            pick(run, "00002", threshold_score=given)
        forced = pick(run, "00002", threshold_score=given, force=True)
        assert forced.record.threshold_score == math.copysign(math.inf, given)
        (reason,) = forced.forced
        assert reason == f"its threshold is {math.copysign(math.inf, given):g}: it {says} says positive"


def test_what_is_no_trained_trial_is_refused_whatever_is_forced(run):
    with pytest.raises(
        RunError, match="only a trained trial can be promoted, but 00004 is the baseline logis"
    ):
        pick(run, "00004", force=True)
    change(run, "00002", state="failed", error="the loss became nan", value=None)
    with pytest.raises(RunError, match="but 00002 is failed: the loss became nan"):
        pick(run, "00002", force=True)
    assert pick(run, None).record.ask.trial_id == "00000"


def test_an_empty_run_is_one_line(tmp_path):
    made = RunFolder(tmp_path / "empty")
    made.create(STUDY, {})
    with pytest.raises(RunError, match="has no finished trial with a value") as caught:
        pick(made, None)
    assert caught.value.exit_code == 1
    assert Path(made.study_file).is_file()


def again(run: RunFolder, number: int, of: str, **changes) -> None:
    """Adds a trial that is another seed of a trial's configuration, with its scores."""
    found = run.record(of)
    ask = found.ask.model_copy(update={"number": number, "seed": number})
    run.write_scores(ask.trial_id, *run.scores(of))
    run.write_record(found.model_copy(update={"ask": ask, **changes}))


def test_the_first_seed_of_the_best_configuration_is_taken_and_not_the_luckiest(run):
    value = run.record("00003").value
    again(run, 5, "00002", value=1.0)
    again(run, 6, "00002", value=0.0)
    run.write_weights("00005", [np.zeros(1, np.float32)])
    run.write_weights("00003", [np.zeros(1, np.float32)])
    choice = pick(run, None)
    assert (choice.record.ask.trial_id, choice.value_mean, choice.seeds) == ("00003", value, 1)
    again(run, 6, "00002", value=1.0)
    choice = pick(run, None)
    mean = float(np.mean([run.record("00002").value, 1.0, 1.0]))
    assert (choice.record.ask.trial_id, choice.seeds, choice.better) == ("00002", 3, None)
    assert choice.value_mean == pytest.approx(mean, abs=1e-15)
    run.drop_weights("00002")
    choice = pick(run, None)
    assert choice.record.ask.trial_id == "00005", "another seed of the same"
    assert choice.better is None, "it is no better one"
    assert choice.value_mean == pytest.approx(mean, abs=1e-15)
    run.drop_weights("00005")
    choice = pick(run, None)
    assert (choice.record.ask.trial_id, choice.better.ask.trial_id) == ("00003", "00002")
    assert choice.better_mean == pytest.approx(mean, abs=1e-15)


def test_a_required_value_is_the_mean_of_the_seeds(run):
    again(run, 5, "00003", value=0.5)
    mean = (run.record("00003").value + 0.5) / 2
    for trial_id in ("00003", "00005"):
        run.write_weights(trial_id, [np.zeros(1, np.float32)])
    with pytest.raises(
        RunError, match=f"trial 00003 does not meet .*: its value {mean:.4g} is .* below 0.95"
    ):
        pick(run, "00003", parse(["value.min=0.95"]))
    assert pick(run, "00003", parse([f"value.min={mean - 1e-9}"])).seeds == 2
    change(run, "00002", value=mean - 0.01)
    with pytest.raises(RunError, match=f"the nearest is 00003: its value {mean:.4g} is"):
        pick(run, None, parse([f"value.min={mean + 0.001}"]))
