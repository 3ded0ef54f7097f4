"""The fast curve and every rule equal brute force in exact fractions; plateaus hold what they promise."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from reports.boards.requirements import Requirement
from search.scores.metrics import METRICS, Counts, counts_at, decide
from search.scores.thresholds import MERITS, Limits, choose, curve, logit
from spaces.errors import TrialError
from spaces.policies import (
    Chosen,
    Cost,
    Fixed,
    MaxF1,
    PrecisionAtRecall,
    RecallAtPrecision,
    Youden,
)
from tests.helpers import reference
from tests.helpers.policies import POLICIES, WINDOW_POLICIES
from tests.helpers.strategies import any_scores, rows

by_policy = pytest.mark.parametrize("policy", POLICIES, ids=repr)


def chosen(y, score, policy, weight=None):
    """The choice as a tuple like the reference's; None where the rule cannot be met."""
    try:
        choice = choose(curve(y, score, weight), policy)
    except TrialError:
        return None
    return choice.threshold_score, choice.low, choice.high


def test_every_rule_has_its_keys():
    assert {*MERITS, Fixed} == set(Chosen.__args__)


@given(rows(score=any_scores, both=False), st.booleans())
@settings(deadline=None, max_examples=150)
def test_curve_equals_brute_force(data, weighted):
    y, score, weight = data
    weight = weight if weighted else None
    fast = curve(y, score, weight)
    slow = reference.curve(y, score, weight)
    assert fast.cuts.dtype == np.float32
    assert fast.cuts.tolist() == [cut for cut, _ in slow]
    for k, name in enumerate(("tp", "fp", "tn", "fn")):
        assert getattr(fast.counts, name).tolist() == [float(cells[k]) for _, cells in slow]
    assert (fast.scores[:-1] < fast.cuts[1:-1]).all()
    assert (fast.cuts[1:-1] <= fast.scores[1:]).all()


@by_policy
@given(rows(score=any_scores, both=False), st.booleans())
@settings(deadline=None, max_examples=40)
def test_choice_equals_brute_force(policy, data, weighted):
    y, score, weight = data
    weight = weight if weighted else None
    assert chosen(y, score, policy, weight) == reference.choose(y, score, policy, weight)


@by_policy
@given(rows())
@settings(deadline=None, max_examples=15)
def test_weight_2_is_the_row_twice_and_weight_0_is_no_row(policy, data):
    y, score, _ = data
    times = np.arange(y.size) % 3
    times[:2] = [1, 2]
    weighted = chosen(y, score, policy, times.astype(float))
    assert weighted == chosen(np.repeat(y, times), np.repeat(score, times), policy)


@by_policy
@given(rows(score=any_scores), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=15)
def test_order_of_rows_does_not_matter(policy, data, random):
    y, score, _ = data
    order = np.array(random.sample(range(y.size), y.size))
    assert chosen(y, score, policy) == chosen(y[order], score[order], policy)


@pytest.mark.parametrize("policy", WINDOW_POLICIES, ids=repr)
@given(rows(score=st.integers(-1000, 1000).map(float)))
@settings(deadline=None, max_examples=15)
def test_a_rising_transform_leaves_the_decisions(policy, data):
    y, score, _ = data
    plain, bent = chosen(y, score, policy), chosen(y, np.float32(np.arcsinh(score) * 7 + 3), policy)
    assert (plain is None) == (bent is None)
    if plain is not None:
        transformed = np.float32(np.arcsinh(score) * 7 + 3)
        assert (decide(score, plain[0]) == decide(transformed, bent[0])).all()


@pytest.mark.parametrize("policy", WINDOW_POLICIES, ids=repr)
@given(rows(score=any_scores))
@settings(deadline=None, max_examples=15)
def test_the_whole_plateau_is_as_good_and_beyond_it_is_not_the_same(policy, data):
    y, score, _ = data
    found = chosen(y, score, policy)
    if found is None:
        return
    threshold, low, high = found
    assert low < threshold <= high or threshold == low == -math.inf

    def merit(at):
        return reference.merit(policy, *reference.counts(y, score, at))

    # The thresholds that matter inside: just above the low end, the high end itself, and every score between.
    inside = [float(np.nextafter(np.float32(low), np.float32(np.inf))), high]
    inside += [float(s) for s in score if low < s <= high]
    assert {merit(at) for at in inside} == {merit(threshold)}
    if low > -math.inf:
        assert merit(low) != merit(threshold)
    if high < math.inf:
        assert merit(float(np.nextafter(np.float32(high), np.float32(np.inf)))) != merit(threshold)


@given(rows())
@settings(deadline=None)
def test_curve_agrees_with_counts_at_and_scikit_learn(data):
    y, score, weight = data
    fast = curve(y, score, weight)
    for k, cut in enumerate(fast.cuts):
        one = counts_at(y, score, float(cut), weight)
        for name in ("tp", "fp", "tn", "fn"):
            assert float(getattr(one, name)) == getattr(fast.counts, name)[k]
    precision, recall, scores = precision_recall_curve(y, score, sample_weight=weight)
    np.testing.assert_array_equal(scores, fast.scores)
    np.testing.assert_allclose(METRICS["precision"](fast.counts)[:-1], precision[:-1], atol=1e-12)
    np.testing.assert_allclose(METRICS["sensitivity"](fast.counts), recall, atol=1e-12)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, max_value=2.0**127), st.booleans())
@settings(deadline=None, max_examples=150)
def test_a_cut_tells_adjacent_floats_apart(lower, swapped):
    score = np.array([lower, np.nextafter(np.float32(lower), np.float32(np.inf))], np.float32)
    found = curve(np.array([0, 1]), score)
    assert found.cuts.size == 3
    assert decide(score, float(found.cuts[1])).tolist() == [False, True]
    choice = choose(found, MaxF1())
    assert choice.low < choice.threshold_score <= choice.high == float(score[1])


def test_negative_zero_is_zero():
    found = curve(np.array([0, 1, 1]), np.float32([-0.0, 0.0, 1]))
    assert found.cuts.tolist() == [-math.inf, 0.5, math.inf]
    assert found.counts.fp.tolist() == [1, 0, 0]


def test_the_largest_floats_do_not_overflow():
    top = np.finfo(np.float32).max
    assert curve(np.array([0, 1, 1]), np.array([-top, top / 2, top])).cuts[1] == -top / 4


def test_infinite_cuts_can_win():
    y, score = np.array([1, 0, 0, 0]), np.float32([0, 1, 2, 3])  # upside down
    cheap_alarm = choose(curve(y, score), Cost(policy="cost", c_fn=100))
    assert (cheap_alarm.threshold_score, cheap_alarm.threshold, cheap_alarm.high) == (-math.inf, 0, 0)
    dear_alarm = choose(curve(y, score), Cost(policy="cost", c_fp=100))
    assert (dear_alarm.threshold_score, dear_alarm.threshold, dear_alarm.low) == (math.inf, 1, 3)


def test_a_tie_goes_to_the_longest_run_then_the_topmost_and_its_middle():
    y, score = np.array([0, 1, 0, 1]), np.float32([0, 1, 2, 3])
    choice = choose(curve(y, score), Youden(policy="youden"))
    assert (choice.threshold_score, choice.low, choice.high) == (2.5, 2, 3)  # equal to cut .5, and higher
    flat = choose(curve(np.array([0, 1, 1, 0]), np.float32([0, 0, 1, 1])), Youden(policy="youden"))
    assert (flat.threshold_score, flat.low, flat.high) == (0.5, -math.inf, math.inf)


def test_a_longer_run_beats_a_higher_one():
    # Two errors are left at the cuts 0.5 and 1.5 (a mixed score between them) and again at 3.5.
    y, score = np.array([0, 0, 1, 1, 0, 1]), np.float32([0, 1, 1, 2, 3, 4])
    choice = choose(curve(y, score), Cost(policy="cost"))
    assert (choice.threshold_score, choice.low, choice.high) == (0.5, 0, 2)


def test_perfect_scores_are_cut_in_the_middle_of_the_gap():
    for policy in WINDOW_POLICIES:
        choice = choose(curve(np.array([0, 0, 1, 1]), np.float32([-3, -1, 2, 5])), policy)
        assert (choice.threshold_score, choice.low, choice.high) == (0.5, -1, 2)
        assert choice.threshold == pytest.approx(1 / (1 + math.exp(-0.5)), rel=1e-15)


def test_fixed_keeps_exactly_what_the_study_says():
    choice = choose(curve(np.array([0, 1]), np.float32([-3, 5])), Fixed(policy="fixed", at=0.3))
    assert choice.threshold_score == float(np.float32(logit(0.3)))
    assert choice.threshold == pytest.approx(0.3, rel=1e-6)
    assert (choice.low, choice.high) == (-3, 5)


def test_a_rule_that_cannot_be_met_says_how_near_it_came():
    found = curve(np.array([1, 0, 0, 0]), np.float32([0, 1, 2, 3]))
    message = "recall_at_precision needs a cut with precision of at least 0.9, but the best reachable is 0.25"
    with pytest.raises(TrialError, match=message):
        choose(found, RecallAtPrecision(policy="recall_at_precision", precision=0.9))
    no_positives = curve(np.array([0, 0]), np.float32([0, 1]))
    with pytest.raises(TrialError, match="youden needs positive and negative rows, but got 0 and 2"):
        choose(no_positives, Youden(policy="youden"))
    with pytest.raises(TrialError, match=r"precision_at_recall needs a cut with sensitivity .* is nan"):
        choose(no_positives, PrecisionAtRecall(policy="precision_at_recall"))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_curve_refuses_scores_that_are_not_finite(bad):
    with pytest.raises(TrialError, match="scores must be finite"):
        curve(np.array([0, 1]), np.float32([0, bad]))


def test_curve_refuses_shapes_and_types():
    with pytest.raises(ValueError, match=r"labels must have the shape of the scores, \(2,\), but got \(3,\)"):
        curve(np.array([0, 1, 1]), np.float32([0, 1]))
    with pytest.raises(
        ValueError, match=r"weights must have the shape of the scores, \(2,\), but got \(1,\)"
    ):
        curve(np.array([0, 1]), np.float32([0, 1]), np.ones(1))
    with pytest.raises(ValueError, match=r"scores must have shape \(n,\) with n >= 1, but got \(0,\)"):
        curve(np.array([], bool), np.float32([]))
    with pytest.raises(TypeError, match="float32"):
        curve(np.array([0, 1]), np.array([0.0, 1.0]))


def test_costs_of_one_ratio_choose_one_threshold():
    """Two cuts cost 3 here, where .1 times 3 is more than .3: a tie goes to the topmost."""
    y = np.array([1] * 5 + [0] + [1] * 3 + [0] * 4)
    score = np.arange(y.size, 0, -1).astype(np.float32)
    for c_fp, c_fn in ((3, 1), (0.3, 0.1), (0.75, 0.25), (30, 10), (0.6, 0.2), (1e-9 * 3, 1e-9)):
        assert choose(curve(y, score), Cost(policy="cost", c_fp=c_fp, c_fn=c_fn)).threshold_score == 8.5


@given(st.integers(1, 60), st.integers(1, 60), st.data())
@settings(deadline=None)
def test_a_limit_that_is_reached_exactly_is_met(p, n, data):
    tp, tn = data.draw(st.integers(0, p)), data.draw(st.integers(0, n))
    counts = Counts(*(np.array(float(cell)) for cell in (tp, n - tn, tn, p - tp)))
    exact = Fraction(tp, p) / 2 + Fraction(tn, n) / 2
    for bound in ("min", "max"):
        one = Requirement("balanced_accuracy", bound, float(exact))
        assert Limits((one,)).kept(counts)
        assert one.shortfall({"val_balanced_accuracy": float(METRICS["balanced_accuracy"](counts))}) == 0
    more = Requirement("balanced_accuracy", "min", float(exact) + 1e-9)
    assert not Limits((more,)).kept(counts)
