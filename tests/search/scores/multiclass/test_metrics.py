"""Metrics of classes equal scikit-learn's where those are defined; of two they are the binary ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from sklearn import metrics as sk

from search.scores import metrics as of_two
from search.scores.multiclass.decisions import class_counts, confusion
from search.scores.multiclass.metrics import (
    AVERAGED,
    CLASS_METRICS,
    DECISION_METRICS,
    PROBABILITY_METRICS,
    RANKING_METRICS,
    against_rest,
    each_class,
)
from tests.helpers.strategies import any_scores, rows

ties = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 3.0])


@st.composite
def class_rows(draw, score=ties, every=True):
    """Places of classes, float32 scores with ties, decisions, and dyadic weights."""
    size = draw(st.integers(2, 4))
    n = draw(st.integers(size, 14))
    y, decided = (
        np.array(draw(st.lists(st.integers(0, size - 1), min_size=n, max_size=n))) for _ in range(2)
    )
    if every:
        y[:size] = np.arange(size)
    cells = draw(st.lists(score, min_size=n * size, max_size=n * size))
    weight = np.array(draw(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.25]), min_size=n, max_size=n)))
    return y, np.array(cells, np.float32).reshape(n, size), decided, weight


def counts(y, decided, size, weight=None):
    return class_counts(confusion(y, decided, size, weight))


ORACLES = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "mcc": sk.matthews_corrcoef,
}


def oracle(name, y, decided, size, weight=None):
    """scikit-learn's value; NaN where it would warn, or make a number up."""
    if name in ORACLES:
        return ORACLES[name](y, decided, sample_weight=weight)
    average, _, metric = name.partition("_")
    found = getattr(sk, f"{metric}_score")(
        y, decided, labels=np.arange(size), average=None, sample_weight=weight, zero_division=np.nan
    )
    if average == "micro":
        return getattr(sk, f"{metric}_score")(y, decided, average="micro", sample_weight=weight)
    weights = np.bincount(y, weight, size) if average == "weighted" else np.ones(size)
    return np.average(found[weights > 0], weights=weights[weights > 0])


def test_many_classes_are_counted_by_labels_as_data_hold_them():
    """int16, in which 199 times 201 is a negative number."""
    y = np.repeat(np.arange(200, dtype=np.int16), 2)
    decided = np.where(np.arange(y.size) % 2, y, (y + 1) % 200).astype(np.int16)
    matrix = confusion(y, decided, 200)
    np.testing.assert_array_equal(matrix[:, :200], np.eye(200) + np.roll(np.eye(200), 1, axis=1))
    assert float(DECISION_METRICS["accuracy"](class_counts(matrix))) == 0.5


@pytest.mark.parametrize("name", [*DECISION_METRICS, *AVERAGED])
@given(class_rows())
@settings(deadline=None, max_examples=40)
def test_metric_of_decisions_equals_scikit_learn(name, data):
    y, score, decided, weight = data
    size = score.shape[1]
    metric = (DECISION_METRICS | AVERAGED)[name]
    for w in (None, weight):
        value = float(metric(counts(y, decided, size, w)))
        if name == "mcc" and len(set(decided)) == 1:
            assert np.isnan(value)  # scikit-learn says 0
        else:
            np.testing.assert_allclose(value, oracle(name, y, decided, size, w), atol=1e-12)


@pytest.mark.parametrize("name", CLASS_METRICS)
@given(class_rows(every=False))
@settings(deadline=None, max_examples=60)
def test_metric_of_each_class_is_nan_where_scikit_learn_warns(name, data):
    y, score, decided, weight = data
    size = score.shape[1]
    for w in (None, weight):
        found = CLASS_METRICS[name](counts(y, decided, size, w))
        expected = getattr(sk, f"{name}_score")(
            y, decided, labels=np.arange(size), average=None, sample_weight=w, zero_division=np.nan
        )
        np.testing.assert_allclose(found, expected, atol=1e-12)
        macro = float(AVERAGED[f"macro_{name}"](counts(y, decided, size, w)))
        assert np.isnan(macro) == np.isnan(expected).any()


@given(class_rows())
@settings(deadline=None)
def test_confusion_equals_scikit_learn(data):
    y, score, decided, weight = data
    size = score.shape[1]
    for w in (None, weight):
        expected = sk.confusion_matrix(y, decided, labels=np.arange(size), sample_weight=w)
        np.testing.assert_array_equal(confusion(y, decided, size, w)[:, :-1], expected)


@given(class_rows(), st.data())
@settings(deadline=None)
def test_undecided_rows_are_missed_and_left_out_of_the_decided(data, drawn):
    y, score, decided, weight = data
    size = score.shape[1]
    left = np.array(drawn.draw(st.lists(st.booleans(), min_size=y.size, max_size=y.size)))
    decided = np.where(left, -1, decided)
    matrix = confusion(y, decided, size, weight)
    assert matrix[:, -1].sum() == weight[left].sum()
    everything, kept = class_counts(matrix), class_counts(matrix, decided_alone=True)
    expected = sk.recall_score(
        y, decided, labels=np.arange(size), average=None, sample_weight=weight, zero_division=np.nan
    )
    np.testing.assert_allclose(CLASS_METRICS["recall"](everything), expected, atol=1e-12)
    if left.any() and len(set(decided)) > 1:
        expected = sk.matthews_corrcoef(y, decided, sample_weight=weight)
        assert float(DECISION_METRICS["mcc"](everything)) == pytest.approx(expected, abs=1e-12)
    expected = confusion(y[~left], decided[~left], size, weight[~left])
    np.testing.assert_array_equal(kept.actual, expected.sum(axis=1))
    np.testing.assert_array_equal(kept.right, np.diagonal(expected))


def test_metrics_broadcast():
    matrices = np.random.default_rng(0).integers(1, 5, (6, 3, 4)).astype(float)
    for metric in DECISION_METRICS.values():
        expected = [float(metric(class_counts(matrix))) for matrix in matrices]
        np.testing.assert_array_equal(metric(class_counts(matrices)), expected)


@given(st.lists(st.lists(st.floats(-60, 60, width=32), min_size=4, max_size=4), min_size=1, max_size=8))
@settings(deadline=None)
def test_log_odds_against_the_rest_are_those_of_the_softmax(cells):
    score = np.array(cells, np.float32)
    logs = log_softmax(score.astype(float), axis=1)
    rest = against_rest(score)
    assert rest.dtype == np.float32
    np.testing.assert_allclose(of_two.sigmoid(rest), np.exp(logs), rtol=1e-5)
    for k in range(4):
        others = np.logaddexp.reduce(np.delete(score.astype(float), k, axis=1), axis=1)
        np.testing.assert_allclose(rest[:, k], score[:, k] - others, rtol=1e-6, atol=1e-6)


def test_log_odds_do_not_overflow():
    score = np.float32([[3e38, -3e38, 0], [1e4, 0, -1e4]])
    rest = against_rest(score)
    assert np.isfinite(rest).all()
    assert rest[1].tolist() == [1e4, -1e4, -2e4]


@pytest.mark.parametrize(
    ("name", "score", "average"),
    [
        ("macro_average_precision", sk.average_precision_score, "macro"),
        ("weighted_average_precision", sk.average_precision_score, "weighted"),
        ("roc_auc_ovr_macro", sk.roc_auc_score, "macro"),
        ("roc_auc_ovr_weighted", sk.roc_auc_score, "weighted"),
    ],
)
@given(data=class_rows())
@settings(deadline=None, max_examples=40)
def test_ranking_metric_equals_scikit_learn(name, score, average, data):
    y, scores, _, weight = data
    rest = against_rest(scores)
    truth = np.eye(scores.shape[1])[y]
    for w in (None, weight):
        expected = score(truth, rest, average=average, sample_weight=w)
        assert RANKING_METRICS[name](y, rest, w) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("seed", range(3))
def test_auc_is_scikit_learns_of_several_classes(average, seed):
    rng = np.random.default_rng(seed)
    y, scores = rng.integers(0, 4, 300), rng.normal(size=(300, 4)).astype(np.float32)
    expected = sk.roc_auc_score(y, softmax(scores.astype(float), axis=1), multi_class="ovr", average=average)
    found = RANKING_METRICS[f"roc_auc_ovr_{average}"](y, against_rest(scores))
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_class_without_rows_leaves_macro_undefined_and_weighted_defined():
    rng = np.random.default_rng(0)
    y, rest = rng.integers(0, 2, 50), against_rest(rng.normal(size=(50, 3)).astype(np.float32))
    for name, metric in RANKING_METRICS.items():
        assert np.isnan(metric(y, rest)) == ("macro" in name)
    assert np.isnan(each_class(of_two.average_precision, y, rest)).tolist() == [False, False, True]


@given(class_rows(score=st.floats(-15, 15, width=32)))  # scikit-learn clips at 2e-16
@settings(deadline=None)
def test_probability_metrics_equal_scikit_learn(data):
    y, scores, _, weight = data
    p, rest = softmax(scores.astype(float), axis=1), against_rest(scores)
    labels = np.arange(scores.shape[1])
    truth = np.eye(labels.size)[y]
    for w in (None, weight):
        expected = sk.log_loss(y, p, labels=labels, sample_weight=w)
        assert PROBABILITY_METRICS["log_loss"](y, rest, w) == pytest.approx(expected, rel=1e-5, abs=1e-7)
        expected = np.average(np.square(p - truth).sum(axis=1), weights=w)
        if labels.size > 2:
            assert expected == pytest.approx(sk.brier_score_loss(y, p, labels=labels, sample_weight=w))
        else:
            expected /= 2
            assert expected == pytest.approx(sk.brier_score_loss(y, p[:, 1], sample_weight=w))
        assert PROBABILITY_METRICS["brier"](y, rest, w) == pytest.approx(expected, rel=1e-5, abs=1e-9)


@given(class_rows(score=st.floats(-20, 20, width=32)))
@settings(deadline=None)
def test_classwise_calibration_error_equals_a_plain_loop(data):
    y, scores, _, weight = data
    p = of_two.sigmoid(against_rest(scores))
    errors = []
    for k in range(scores.shape[1]):
        total = 0.0
        for b in range(15):
            inside = (p[:, k] <= (b + 1) / 15) & ((p[:, k] > b / 15) | (b == 0))
            total += abs((weight * ((y == k) - p[:, k]))[inside].sum())
        errors.append(total / weight.sum())
    found = PROBABILITY_METRICS["classwise_ece"](y, against_rest(scores), weight)
    assert found == pytest.approx(np.mean(errors), abs=1e-6)


@given(rows(score=any_scores))
@settings(deadline=None)
def test_two_classes_have_the_binary_metrics_to_the_last_bit(data):
    y, d, weight = data
    rest = against_rest(np.stack([-d / 2, d / 2], axis=1))
    np.testing.assert_array_equal(rest[:, 1], d)
    for w in (None, weight):
        for metric in (of_two.average_precision, of_two.roc_auc):
            assert each_class(metric, y, rest, w)[1] == metric(y, d, w)
        assert PROBABILITY_METRICS["log_loss"](y, rest, w) == pytest.approx(
            of_two.log_loss(y, d, w), rel=1e-14
        )
        assert PROBABILITY_METRICS["brier"](y, rest, w) == pytest.approx(of_two.brier(y, d, w), rel=1e-14)


@given(class_rows(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_permuted_classes_permute_the_metrics(data, random):
    y, score, decided, weight = data
    size = score.shape[1]
    order = np.array(random.sample(range(size), size))
    place = np.argsort(order)
    one, other = counts(y, decided, size, weight), counts(place[y], place[decided], size, weight)
    for metric in CLASS_METRICS.values():
        np.testing.assert_array_equal(metric(one)[order], metric(other))
    rest, permuted = against_rest(score), against_rest(score[:, order])
    np.testing.assert_allclose(rest[:, order], permuted, rtol=1e-6, atol=1e-6)
