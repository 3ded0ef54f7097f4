"""Metrics equal scikit-learn's where those are defined, and are NaN where scikit-learn makes up a number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import metrics as sk

from search.scores.metrics import (
    METRICS,
    RANKING_METRICS,
    Counts,
    average_precision,
    brier,
    counts_at,
    decide,
    ece,
    f_beta,
    log_loss,
    roc_auc,
    sigmoid,
)
from search.scores.ranking import ranked
from spaces.errors import TrialError
from tests.helpers import reference
from tests.helpers.strategies import floats32, rows

few = st.integers(0, 6)


def as_counts(*cells):
    return Counts(*(np.array(float(cell)) for cell in cells))


@pytest.mark.parametrize("name", METRICS)
@given(few, few, few, few)
@settings(deadline=None)
def test_metric_equals_its_fraction_and_is_nan_where_undefined(name, tp, fp, tn, fn):
    expected = reference.metric(name, tp, fp, tn, fn)
    value = float(METRICS[name](as_counts(tp, fp, tn, fn)))
    assert np.isnan(value) if expected is None else value == pytest.approx(float(expected), abs=1e-15)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
@settings(deadline=None)
def test_mcc_without_an_error_is_1_and_without_a_right_decision_minus_1(p, n):
    assert float(METRICS["mcc"](as_counts(p, 0, n, 0))) == 1
    assert float(METRICS["mcc"](as_counts(0, n, 0, p))) == -1


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("sensitivity", sk.recall_score),
        ("specificity", lambda y, d: sk.recall_score(~y, ~d)),
        ("precision", lambda y, d: sk.precision_score(y, d, zero_division=np.nan)),
        ("f1", sk.f1_score),
        ("balanced_accuracy", sk.balanced_accuracy_score),
        ("accuracy", sk.accuracy_score),
    ],
)
@given(rows(), st.sampled_from([-np.inf, -0.5, 0.1, 0.5, 4.0, np.inf]))
@settings(deadline=None, max_examples=50)
def test_metric_of_decisions_equals_scikit_learn(name, oracle, data, threshold):
    y, score, _ = data
    value = float(METRICS[name](counts_at(y, score, threshold)))
    np.testing.assert_allclose(value, oracle(y, decide(score, threshold)), atol=1e-12)


@given(rows(), st.sampled_from([0.0, 0.25, 0.5]))
@settings(deadline=None)
def test_mcc_equals_scikit_learn_where_decisions_differ(data, threshold):
    y, score, _ = data
    decided = decide(score, threshold)
    value = float(METRICS["mcc"](counts_at(y, score, threshold)))
    if decided.all() or not decided.any():
        assert np.isnan(value)  # scikit-learn says 0
    else:
        assert value == pytest.approx(sk.matthews_corrcoef(y, decided), abs=1e-12)


def test_f1_without_detections_is_0_while_precision_is_undefined():
    counts = as_counts(0, 0, 5, 3)
    assert float(METRICS["f1"](counts)) == 0
    assert np.isnan(METRICS["precision"](counts))


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0, 3.7])
def test_f_beta_equals_scikit_learn(beta):
    rng = np.random.default_rng(0)
    y, d = rng.random((2, 200)) < 0.3
    counts = as_counts((y & d).sum(), (~y & d).sum(), (~y & ~d).sum(), (y & ~d).sum())
    assert float(f_beta(counts, beta)) == pytest.approx(sk.fbeta_score(y, d, beta=beta), abs=1e-12)


def test_metrics_broadcast():
    counts = Counts(np.ones((3, 1)), np.arange(4.0), np.ones(1), np.ones(1))
    assert all(metric(counts).shape in {(3, 4), (3, 1), (4,), (1,)} for metric in METRICS.values())
    assert METRICS["mcc"](counts).shape == (3, 4)


@pytest.mark.parametrize("score", [None, floats32], ids=["ties", "spread"])
@pytest.mark.parametrize(
    ("name", "oracle"), [("average_precision", sk.average_precision_score), ("roc_auc", sk.roc_auc_score)]
)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_ranking_metric_equals_scikit_learn(score, name, oracle, data):
    y, scores, weight = data.draw(rows(score=score))
    assert RANKING_METRICS[name](y, scores) == pytest.approx(oracle(y, scores), abs=1e-12)
    expected = oracle(y, scores, sample_weight=weight)
    assert RANKING_METRICS[name](y, scores, weight) == pytest.approx(expected, abs=1e-12)


@given(rows())
@settings(deadline=None)
def test_polarity_higher_is_more_positive(data):
    y, score, _ = data
    assert roc_auc(y, -score) == pytest.approx(1 - roc_auc(y, score), abs=1e-12)
    assert roc_auc(y, y.astype(np.float32)) == average_precision(y, y.astype(np.float32)) == 1
    assert roc_auc(y, -y.astype(np.float32)) == 0


def test_ranking_metrics_without_a_class_are_undefined():
    score = np.float32([0, 1, 2])
    assert np.isnan(average_precision(np.zeros(3), score))
    assert np.isnan(roc_auc(np.zeros(3), score))
    assert np.isnan(roc_auc(np.ones(3), score))


@given(rows(score=st.floats(-20, 20, width=32)))
@settings(deadline=None)
def test_probability_metrics_equal_scikit_learn(data):
    y, score, weight = data
    p = expit(score.astype(np.float64))
    for w in (None, weight):
        assert brier(y, score, w) == pytest.approx(sk.brier_score_loss(y, p, sample_weight=w), rel=1e-9)
        assert log_loss(y, score, w) == pytest.approx(sk.log_loss(y, p, sample_weight=w), rel=1e-6)


@given(rows(score=st.floats(-20, 20, width=32)))
@settings(deadline=None)
def test_calibration_error_equals_the_slow_one(data):
    y, score, weight = data
    assert ece(y, score) == pytest.approx(reference.ece(y, score), abs=1e-12)
    assert ece(y, score, weight) == pytest.approx(reference.ece(y, score, weight), abs=1e-12)
    times = np.arange(y.size) % 3
    times[0] = 1
    repeated = ece(y.repeat(times), score.repeat(times))
    assert ece(y, score, times.astype(float)) == pytest.approx(repeated, abs=1e-12)


def test_calibration_error_of_known_cases():
    assert ece(np.array([0, 1]), np.float32([0, 0])) == 0, "half of the rows said to be .5 are positive"
    assert ece(np.array([1, 1]), np.float32([0, 0])) == 0.5
    assert ece(np.array([0, 1]), np.float32([-800, 800])) == 0
    assert ece(np.array([1, 0]), np.float32([-800, 800])) == 1
    # 0 and 1 share their bins with what lies near them.
    assert ece(np.array([0, 1]), np.float32([800, 3])) == pytest.approx((1 - sigmoid(-3.0)) / 2)
    assert ece(np.array([1, 0]), np.float32([-800, -3])) == pytest.approx((1 - sigmoid(-3.0)) / 2)
    assert np.isnan(ece(np.array([1, 0]), np.float32([0, 0]), np.zeros(2)))
    rng = np.random.default_rng(0)
    score = np.float32(rng.normal(size=200_000) * 3)
    y = rng.random(score.size) < sigmoid(score)
    assert ece(y, score) < 0.005, "labels drawn from the probabilities themselves"
    assert ece(y, score * np.float32(3)) > 0.05


def test_log_loss_is_not_clipped():
    assert log_loss(np.array([0, 1]), np.float32([1000, -3000])) == 2000
    assert brier(np.array([0, 1]), np.float32([1000, -3000])) == 1


def test_sigmoid_at_the_ends():
    assert sigmoid(np.array([-np.inf, -800, 0, 800, np.inf])).tolist() == [0, 0, 0.5, 1, 1]
    assert float(sigmoid(-50.0)) == pytest.approx(np.exp(-50), rel=1e-14)


def test_decide_compares_in_float32():
    threshold = 0.1  # a little below float32(0.1)
    assert decide(np.float32([0.1]), threshold).tolist() == [True]
    assert decide(np.float32([0.1]), 0.1 + 1e-9).tolist() == [True]
    assert decide(np.nextafter(np.float32([0.1]), np.float32(0)), threshold).tolist() == [False]
    assert decide(np.float32([-0.0, 0.0]), 0.0).tolist() == [True, True]
    assert decide(np.float32([-3e38, 3e38]), -np.inf).all()
    assert not decide(np.float32([-3e38, 3e38]), np.inf).any()


def test_refusals():
    score = np.float32([0, 1])
    with pytest.raises(TypeError, match=r"scores must be a float32 array.* but got float64"):
        decide(np.array([0.5]), 0.0)
    with pytest.raises(TypeError, match="but got list"):
        decide([0.5], 0.0)
    with pytest.raises(ValueError, match="threshold_score must be a number"):
        decide(score, np.nan)
    with pytest.raises(ValueError, match=r"shape of the scores, \(2,\), but got \(2, 1\)"):
        counts_at(np.array([[0], [1]]), score, 0.0)
    with pytest.raises(ValueError, match=r"labels must be 0 or 1, but got \[-1, 1\]"):
        counts_at(np.array([-1, 1]), score, 0.0)
    with pytest.raises(ValueError, match="weights must be finite and at least 0"):
        counts_at(np.array([0, 1]), score, 0.0, np.array([1.0, -1.0]))
    with pytest.raises(TrialError, match="scores must be finite, but got 1 NaN and 0 infinite of 2"):
        average_precision(np.array([0, 1]), np.float32([np.nan, 0]))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
@settings(deadline=None, max_examples=300)
def test_the_sort_is_a_stable_argsort_of_any_finite_float32(values):
    score = np.array(values, np.float32)
    rows = ranked(score)
    np.testing.assert_array_equal(rows.order, np.argsort(score, kind="stable"))
    np.testing.assert_array_equal(rows.scores, np.unique(score))
    np.testing.assert_array_equal(np.diff(rows.ends), np.unique(score, return_counts=True)[1])
