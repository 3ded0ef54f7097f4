"""Thresholds of labels are today's of each column; metrics of labels equal scikit-learn's."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from search.scores import metrics as of_two
from search.scores.multilabel.metrics import (
    DECISION_METRICS,
    PROBABILITY_METRICS,
    RANKING_METRICS,
    counts_of,
    each_label,
)
from search.scores.multilabel.thresholds import LabelThresholds, TopLabels, choose_labels
from search.scores.thresholds import choose, curve
from spaces.errors import TrialError
from spaces.policies import Fixed, MaxF1, MaxMicroF1, TopK, Youden
from tests.helpers.policies import WINDOW_POLICIES

ties = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 3.0])
MICRO = MaxMicroF1(policy="max_micro_f1")


@st.composite
def label_rows(draw, score=ties, both=True):
    """A matrix of labels, float32 scores with ties, decisions, and dyadic weights."""
    n, size = draw(st.integers(2, 10)), draw(st.integers(1, 4))
    y, decided = (
        np.array(draw(st.lists(st.booleans(), min_size=n * size, max_size=n * size))).reshape(n, size)
        for _ in range(2)
    )
    if both:
        y[0], y[1] = True, False
    cells = draw(st.lists(score, min_size=n * size, max_size=n * size))
    weight = np.array(draw(st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.25]), min_size=n, max_size=n)))
    return y, np.array(cells, np.float32).reshape(n, size), decided, weight


@pytest.mark.parametrize("policy", [*WINDOW_POLICIES, Fixed(policy="fixed", at=0.6)], ids=repr)
@given(label_rows(), st.booleans())
@settings(deadline=None, max_examples=15)
def test_each_label_has_the_threshold_it_would_have_alone(policy, data, weighted):
    y, score, _, weight = data
    weight = weight if weighted else None
    names = [f"label {k}" for k in range(y.shape[1])]
    alone = []
    for k in range(y.shape[1]):
        try:
            alone.append(choose(curve(y[:, k], score[:, k].copy(), weight), policy))
        except TrialError as error:
            message = f"label 'label {k}': {error}"
            with pytest.raises(TrialError, match=re.escape(message)):
                choose_labels(y, score, policy, names, weight=weight)
            return
    found = choose_labels(y, score, policy, names, weight=weight)
    assert list(found.choices) == alone
    expected = [score[:, k] >= np.float32(one.threshold_score) for k, one in enumerate(found.choices)]
    np.testing.assert_array_equal(found.decide(score), np.stack(expected, axis=1))


@given(label_rows(), st.booleans())
@settings(deadline=None, max_examples=60)
def test_the_shared_threshold_is_the_best_of_all_shared_ones(data, weighted):
    y, score, _, weight = data
    weight = weight if weighted else None
    found = choose_labels(y, score, MICRO, range(y.shape[1]), weight=weight)
    assert len(set(found.choices)) == 1
    cuts = [-np.inf, *np.unique(score), np.inf]
    every = [float(DECISION_METRICS["micro_f1"](counts_of(y, score >= cut, weight))) for cut in cuts]
    value = float(DECISION_METRICS["micro_f1"](counts_of(y, found.decide(score), weight)))
    assert value == pytest.approx(max(every), abs=1e-12)


def test_top_k_takes_the_later_of_equal_scores():
    score = np.float32([[1, 2, 3], [2, 2, 1], [0, 0, 0], [-0.0, 0.0, -1]])
    y = np.zeros((4, 3))
    one = choose_labels(y, score, TopK(policy="top_k"), "abc")
    assert one == TopLabels(1)
    assert one.decide(score).astype(int).tolist() == [[0, 0, 1], [0, 1, 0], [0, 0, 1], [0, 1, 0]]
    two = TopLabels(2).decide(score).astype(int).tolist()
    assert two == [[0, 1, 1], [1, 1, 0], [0, 1, 1], [1, 1, 0]]
    assert TopLabels(5).decide(score).all()


@given(label_rows(score=st.floats(-9, 9, width=32)), st.integers(1, 5))
@settings(deadline=None)
def test_top_k_decides_k_labels_and_none_below_another(data, k):
    _, score, _, _ = data
    decided = TopLabels(k).decide(score)
    assert (decided.sum(axis=1) == min(k, score.shape[1])).all()
    for row, chosen in zip(score, decided, strict=True):
        if not chosen.all():
            assert row[chosen].min() >= row[~chosen].max()


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("name", ["recall", "precision", "f1"])
@given(label_rows(both=False))
@settings(deadline=None, max_examples=40)
def test_metric_of_decisions_equals_scikit_learn(average, name, data):
    y, _, decided, weight = data
    oracle = getattr(sk, f"{name}_score")
    for w in (None, weight):
        value = float(DECISION_METRICS[f"{average}_{name}"](counts_of(y, decided, w)))
        each = [
            oracle(y[:, k], decided[:, k], sample_weight=w, zero_division=np.nan) for k in range(y.shape[1])
        ]
        if average == "micro":
            cells = None if w is None else w.repeat(y.shape[1])
            expected = oracle(y.ravel(), decided.ravel(), sample_weight=cells, zero_division=np.nan)
        elif average == "macro":
            expected = np.mean(each)
        else:
            rows = np.array([y[:, k].sum() if w is None else w[y[:, k]].sum() for k in range(y.shape[1])])
            expected = np.average(np.array(each)[rows > 0], weights=rows[rows > 0]) if rows.any() else np.nan
        np.testing.assert_allclose(value, expected, atol=1e-12)


@given(label_rows())
@settings(deadline=None, max_examples=40)
def test_averages_are_scikit_learns_of_the_matrix(data):
    y, _, decided, weight = data
    decided[0] = True
    if y.shape[1] == 1:
        return
    for average in ("macro", "micro", "weighted"):
        expected = sk.f1_score(y, decided, average=average, sample_weight=weight)
        value = float(DECISION_METRICS[f"{average}_f1"](counts_of(y, decided, weight)))
        assert value == pytest.approx(expected, abs=1e-12)
    for name, oracle in (("hamming_loss", sk.hamming_loss), ("subset_accuracy", sk.accuracy_score)):
        value = float(DECISION_METRICS[name](counts_of(y, decided, weight)))
        assert value == pytest.approx(oracle(y, decided, sample_weight=weight), abs=1e-12)


@pytest.mark.parametrize("name", RANKING_METRICS)
@given(data=label_rows())
@settings(deadline=None, max_examples=40)
def test_ranking_metric_equals_scikit_learn(name, data):
    y, score, _, weight = data
    oracle = sk.roc_auc_score if name.startswith("roc") else sk.average_precision_score
    average = next(one for one in ("macro", "micro", "weighted") if one in name)
    for w in (None, weight):
        if y.shape[1] == 1:
            expected = oracle(y[:, 0], score[:, 0], sample_weight=w)
        elif average == "micro":
            expected = oracle(
                y.ravel(), score.ravel(), sample_weight=None if w is None else w.repeat(y.shape[1])
            )
        else:
            expected = oracle(y, score, average=average, sample_weight=w)
        assert RANKING_METRICS[name](y, score, w) == pytest.approx(expected, abs=1e-12)


@given(label_rows(score=st.floats(-15, 15, width=32)))
@settings(deadline=None, max_examples=40)
def test_probability_metrics_are_the_means_of_the_binary_ones(data):
    y, score, _, weight = data
    for name, binary in (("log_loss", "log_loss"), ("brier", "brier"), ("classwise_ece", "ece")):
        metric = of_two.PROBABILITY_METRICS[binary]
        expected = np.mean([metric(y[:, k], score[:, k].copy(), weight) for k in range(y.shape[1])])
        assert PROBABILITY_METRICS[name](y, score, weight) == pytest.approx(expected, abs=1e-12)


def test_a_label_that_no_row_has_is_undefined_and_leaves_macro_undefined():
    y = np.array([[1, 0], [0, 0], [1, 0]])
    score = np.float32([[1, 2], [0, 1], [2, 0]])
    assert np.isnan(each_label(of_two.average_precision, y, score)).tolist() == [False, True]
    assert np.isnan(RANKING_METRICS["macro_average_precision"](y, score))
    assert RANKING_METRICS["weighted_average_precision"](y, score) == 1
    assert np.isnan(float(DECISION_METRICS["macro_recall"](counts_of(y, score > 0))))


def test_refusals():
    y, score = np.array([[0, 1], [1, 1]]), np.float32([[0, 1], [1, 0]])
    with pytest.raises(TrialError, match="label 'tonic': youden needs positive and negative rows, but got 2"):
        choose_labels(y, score, Youden(policy="youden"), ("clonic", "tonic"))
    with pytest.raises(ValueError, match=r"scores of labels must have shape \(n, 3\), but got \(2, 2\)"):
        choose_labels(y, score, MaxF1(), "abc")
    with pytest.raises(ValueError, match="labels must have the shape of the scores"):
        choose_labels(y[:, :1], score, MaxF1(), "ab")
    with pytest.raises(ValueError, match="labels must be 0 or 1"):
        choose_labels(y * 2, score, MaxF1(), "ab")
    with pytest.raises(TypeError, match="float32"):
        choose_labels(y, score.astype(float), MaxF1(), "ab")
    found = choose_labels(y, score, MaxF1(), "ab")
    assert isinstance(found, LabelThresholds)
    with pytest.raises(ValueError, match=r"scores of labels must have shape \(n, 2\), but got \(2, 1\)"):
        found.decide(score[:, :1])
