"""One seam for all tasks: two classes are the binary task, and every answer is that of scikit-learn."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sk

from search.evaluation.binary import BinaryScoring
from search.evaluation.multiclass import ClassScoring
from search.evaluation.multilabel import LabelScoring
from search.evaluation.regression import NumberScoring, Undecided
from search.evaluation.scoring import UNDEFINED, Described, evaluate
from search.scores.calibration import CALIBRATIONS
from search.scores.half_splits import draw_halves_of
from search.scores.reference import Reference
from search.training.steering_metrics import STEERS
from spaces.errors import TrialError
from spaces.policies import (
    MaxBalancedAccuracy,
    MaxF1,
    MaxMacroF1,
    MaxMeanRecall,
    MaxMicroF1,
    TopK,
)
from spaces.study import Objective, Study
from tests.helpers.measured import measure

NAMES = ("none", "focal", "generalised")


def reference(y, holds, groups):
    halves = draw_halves_of(holds, ["x"] * holds.shape[1], groups, None, 0)
    return Reference(y=y, groups=groups, recordings=None, times=None, halves=halves)


def class_rows(n=300, size=3):
    rng = np.random.default_rng(0)
    y = rng.choice(size, n, p=[0.5, 0.3, 0.2][:size] / np.sum([0.5, 0.3, 0.2][:size])).astype(np.int16)
    raw = rng.normal(size=(n, size))
    raw[np.arange(n), y] += 1.5
    raw = (raw - raw.mean(axis=1, keepdims=True)).astype(np.float32)
    groups = np.char.add("p", rng.integers(0, 20, n).astype(str))
    return raw, reference(y, y[:, None] == np.arange(size), groups)


def scoring_of_classes(**other):
    settings = {
        "classes": NAMES,
        "rule": MaxMacroF1(),
        "calibration": "temperature",
        "metric": "macro_f1",
        "seed": 3,
    }
    return ClassScoring(**(settings | other))


def test_classes_are_measured_as_scikit_learn_does():
    raw, rows = class_rows()
    found = evaluate(raw, rows, scoring_of_classes(), probabilistic=True)
    decided = found.fitted.choice.decide(found.score)
    p = softmax(found.score.astype(float), axis=1)
    expected = {
        "accuracy": sk.accuracy_score(rows.y, decided),
        "macro_f1": sk.f1_score(rows.y, decided, average="macro"),
        "weighted_f1": sk.f1_score(rows.y, decided, average="weighted"),
        "balanced_accuracy": sk.balanced_accuracy_score(rows.y, decided),
        "mcc": sk.matthews_corrcoef(rows.y, decided),
        "roc_auc_ovr_macro": sk.roc_auc_score(rows.y, p, multi_class="ovr"),
        "log_loss": sk.log_loss(rows.y, p),
        "brier": sk.brier_score_loss(rows.y, p),
    }
    for name, value in expected.items():
        one = found.estimates.whole[name]
        assert one.value == pytest.approx(value, rel=1e-6)
        assert one.low < one.value < one.high
    each = found.estimates.each
    recalls = sk.recall_score(rows.y, decided, average=None)
    assert [one.value for one in each["recall"]] == pytest.approx(recalls.tolist())
    assert {"recall", "precision", "f1", "average_precision", "roc_auc"} == each.keys()
    matrix = np.array(found.estimates.confusion)
    np.testing.assert_array_equal(matrix[:, :-1], sk.confusion_matrix(rows.y, decided))
    assert not matrix[:, -1].any()
    assert found.value < found.estimates.whole["macro_f1"].value
    described = found.fitted.described
    assert sum(described.offsets) == 0
    assert described.threshold_score is None
    assert described.calibration_b == 0
    assert "coverage" not in found.estimates.whole


def test_probabilities_are_measured_only_where_they_are_claimed():
    raw, rows = class_rows()
    found = evaluate(raw, rows, scoring_of_classes(), probabilistic=False)
    assert all(found.estimates.whole[name] == UNDEFINED for name in ("log_loss", "brier", "classwise_ece"))


def test_undecided_rows_have_their_share_and_metrics_of_the_others():
    raw, rows = class_rows()
    found = evaluate(raw, rows, scoring_of_classes(rule=MaxMacroF1(reject_below=0.6)), probabilistic=True)
    decided = found.fitted.choice.decide(found.score)
    kept = decided >= 0
    whole = found.estimates.whole
    assert whole["coverage"].value == pytest.approx(kept.mean())
    assert whole["accuracy"].value == pytest.approx((decided == rows.y).mean())
    assert whole["decided_accuracy"].value == pytest.approx((decided == rows.y)[kept].mean())
    assert whole["decided_macro_f1"].value == pytest.approx(
        sk.f1_score(rows.y[kept], decided[kept], average="macro")
    )
    assert np.array(found.estimates.confusion)[:, -1].sum() == (~kept).sum()
    assert found.fitted.described.reject_below == 0.6


def test_two_classes_are_the_binary_task():
    raw, rows = class_rows(size=2)
    d = (raw[:, 1] - raw[:, 0]).astype(np.float32)
    raw = np.stack([-d / 2, d / 2], axis=1)
    study = Study(objective=Objective(metric="balanced_accuracy", calibration="none"), seed=3)
    policy = MaxBalancedAccuracy(policy="max_balanced_accuracy")
    binary = evaluate(d, rows, BinaryScoring(study, policy), probabilistic=True)
    scoring = scoring_of_classes(
        classes=(0, 1),
        rule=MaxMeanRecall(policy="max_balanced_accuracy"),
        calibration="none",
        metric="balanced_accuracy",
    )
    classes = evaluate(raw, rows, scoring, probabilistic=True)
    assert classes.value == binary.value
    threshold = binary.fitted.described.threshold_score
    assert classes.fitted.described.offsets == (threshold / 2, -threshold / 2)
    for name in ("balanced_accuracy", "accuracy"):
        assert classes.estimates.whole[name].value == binary.estimates.whole[name].value
    for name in ("average_precision", "roc_auc"):
        one, other = classes.estimates.each[name][1], binary.estimates.whole[name]
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    for name, other in (("log_loss", "log_loss"), ("brier", "brier")):
        assert classes.estimates.whole[name].value == pytest.approx(binary.estimates.whole[other].value)


def test_measure_is_the_binary_scoring():
    raw, rows = class_rows(size=2)
    d = (raw[:, 1] - raw[:, 0]).astype(np.float32)
    study, policy = Study(seed=3), MaxF1()
    found = evaluate(d, rows, BinaryScoring(study, policy), probabilistic=True)
    measured = measure(d, rows, study, policy, probabilistic=True)
    assert measured.metrics == found.estimates.whole
    assert (measured.value, measured.choice) == (found.value, found.fitted.choice)
    described = found.fitted.described
    assert described.threshold_score == measured.choice.threshold_score
    assert (described.calibration_a, described.calibration_b) == (
        measured.calibration.a,
        measured.calibration.b,
    )
    assert STEERS["binary"]["average_precision"](rows.y, d) == sk.average_precision_score(rows.y, d)


def test_permuted_classes_permute_the_answers():
    raw, rows = class_rows()
    order = np.array([2, 0, 1])
    other_rows = Reference(
        y=np.argsort(order)[rows.y], groups=rows.groups, recordings=None, times=None, halves=rows.halves
    )
    one = evaluate(raw, rows, scoring_of_classes(), probabilistic=True)
    other = evaluate(
        raw[:, order],
        other_rows,
        scoring_of_classes(classes=tuple(NAMES[k] for k in order)),
        probabilistic=True,
    )
    assert other.value == pytest.approx(one.value, abs=1e-9)
    for name, of in one.estimates.each.items():
        assert [of[k].value for k in order] == pytest.approx([x.value for x in other.estimates.each[name]])
    np.testing.assert_allclose(
        np.array(one.fitted.described.offsets)[order], other.fitted.described.offsets, atol=1e-5
    )


def label_rows(n=400):
    rng = np.random.default_rng(1)
    y = (rng.random((n, 3)) < [0.1, 0.3, 0.5]).astype(np.int8)
    raw = (rng.normal(size=(n, 3)) + 1.5 * y).astype(np.float32)
    groups = np.char.add("p", rng.integers(0, 20, n).astype(str))
    return raw, reference(y, np.hstack([y == 1, y == 0]), groups)


def scoring_of_labels(**other):
    settings = {
        "names": NAMES,
        "rule": MaxF1(),
        "calibration": "platt",
        "metric": "macro_f1",
        "seed": 3,
    }
    return LabelScoring(**(settings | other))


def test_labels_are_measured_as_scikit_learn_does():
    raw, rows = label_rows()
    found = evaluate(raw, rows, scoring_of_labels(), probabilistic=False)
    decided = found.fitted.choice.decide(found.score)
    expected = {
        "macro_f1": sk.f1_score(rows.y, decided, average="macro"),
        "micro_f1": sk.f1_score(rows.y, decided, average="micro"),
        "hamming_loss": sk.hamming_loss(rows.y, decided),
        "subset_accuracy": sk.accuracy_score(rows.y, decided),
        "macro_average_precision": sk.average_precision_score(rows.y, found.score, average="macro"),
        "roc_auc_ovr_macro": sk.roc_auc_score(rows.y, found.score, average="macro"),
    }
    for name, value in expected.items():
        one = found.estimates.whole[name]
        assert one.value == pytest.approx(value, abs=1e-12)
        assert one.low < one.value < one.high
    assert found.estimates.whole["log_loss"].value < np.log(2), "Platt makes probabilities of any score"
    described = found.fitted.described
    assert len(described.thresholds) == len(described.plateaus_low) == len(described.calibrations_a) == 3
    assert described.offsets is None
    alone = CALIBRATIONS["platt"](rows.y[:, 1], raw[:, 1].copy()).calibration
    assert (described.calibrations_a[1], described.calibrations_b[1]) == (alone.a, alone.b)
    assert 0 < found.value < 1


def test_labels_shared_threshold_and_top_k():
    raw, rows = label_rows()
    shared = evaluate(
        raw, rows, scoring_of_labels(rule=MaxMicroF1(policy="max_micro_f1")), probabilistic=False
    )
    assert len(set(shared.fitted.described.thresholds)) == 1
    top = evaluate(raw, rows, scoring_of_labels(rule=TopK(policy="top_k", k=2)), probabilistic=False)
    assert (top.fitted.described.top_k, top.fitted.described.thresholds) == (2, None)
    assert (top.fitted.choice.decide(top.score).sum(axis=1) == 2).all()


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_numbers_are_measured_as_scikit_learn_does(metric):
    rng = np.random.default_rng(0)
    y = rng.normal(size=300) * 4 + 20
    raw = (y + rng.normal(size=300)).astype(np.float32)
    groups = np.char.add("p", rng.integers(0, 20, 300).astype(str))
    rows = reference(y, np.ones((300, 1), bool), groups)
    scoring = NumberScoring(metric=metric, seed=0)
    found = evaluate(raw, rows, scoring, probabilistic=False)
    oracle = {"rmse": sk.root_mean_squared_error, "mae": sk.mean_absolute_error, "r2": sk.r2_score}[metric]
    one = found.estimates.whole[metric]
    assert one.value == pytest.approx(oracle(y, raw.astype(float)))
    assert one.low < one.value < one.high
    assert found.value == pytest.approx(one.value, rel=0.05)
    assert found.fitted == Undecided()
    assert found.fitted.described == Described()
    assert (found.score == raw).all()
    assert STEERS["number"]["rmse"](y, raw) == pytest.approx(
        -sk.root_mean_squared_error(y, raw.astype(float))
    )
    with pytest.raises(TrialError, match="predictions must be finite, but got 1 that are not"):
        evaluate(np.where(np.arange(300) == 1, np.float32(np.nan), raw), rows, scoring, probabilistic=False)


def test_what_steers_is_a_macro_average_of_the_raw_scores():
    raw, rows = class_rows()
    p = softmax(raw.astype(float), axis=1)
    expected = sk.average_precision_score(np.eye(3)[rows.y], p, average="macro")
    assert STEERS["classes"]["macro_average_precision"](rows.y, raw) == pytest.approx(expected, rel=1e-6)
    raw, rows = label_rows()
    expected = sk.average_precision_score(rows.y, raw, average="macro")
    assert STEERS["labels"]["macro_average_precision"](rows.y, raw) == pytest.approx(expected)


def test_comparisons_of_trials_ask_the_same_value():
    """On all rows once, decisions held out come near the cross-fitted value, which is a mean over halves."""
    raw, rows = class_rows()
    piece = np.unique(rows.groups, return_inverse=True)[1]
    pieces = int(piece.max()) + 1
    once = np.ones((1, pieces))
    y, labelled = label_rows()[1].y, label_rows()
    for scoring, scores, of in (
        (scoring_of_classes(), raw, rows),
        (scoring_of_labels(), labelled[0], labelled[1]),
    ):
        piece = np.unique(of.groups, return_inverse=True)[1]
        value = scoring.held_out(scores, of, piece, pieces).values(once)
        assert value == pytest.approx(scoring.cross_fitted(scores, of).value, abs=0.02)
    numbers = NumberScoring(metric="r2", seed=0)
    target = y.sum(axis=1) + raw[0, 0]
    of = reference(target, np.ones((400, 1), bool), labelled[1].groups)
    predicted = labelled[0].sum(axis=1)
    value = numbers.held_out(predicted, of, piece, pieces).values(once)
    assert value == pytest.approx(sk.r2_score(target, predicted))
