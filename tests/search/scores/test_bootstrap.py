"""Intervals have the distribution of a plain loop over groups, and cover what they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search.scores import bootstrap
from search.scores.bootstrap import interval, interval_around, intervals, paired_difference
from search.scores.metrics import METRICS, RANKING_METRICS, average_precision, counts_at, roc_auc
from spaces.errors import TrialError
from tests.helpers import reference


def grouped(seed, groups=12, rows=10, spread=1.0):
    """Groups that differ in their share of positives and in their offset."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rows)
    y = rng.random(group.size) < np.repeat(rng.uniform(0.1, 0.7, groups), rows)
    offset = np.repeat(rng.normal(0, spread, groups), rows)
    return y, np.float32(np.round(rng.normal(size=group.size) + offset + 1.5 * y, 1)), group


@pytest.mark.parametrize("by_rows", [False, True])
def test_intervals_equal_a_plain_loop_in_distribution(by_rows):
    y, score, group = grouped(0)
    group = np.arange(y.size) if by_rows else group
    fast = intervals(y, score, 0.5, None if by_rows else group, seed=1, repeats=20_000)
    for name in ("sensitivity", "precision", "mcc"):
        slow = reference.bootstrap(name, y, score, 0.5, group, repeats=1500, seed=2)
        low, high = np.percentile(slow, [2.5, 97.5])
        assert fast[name] == pytest.approx((low, high), abs=0.12 * (high - low))


@pytest.mark.parametrize(("name", "metric"), [("average_precision", average_precision), ("roc_auc", roc_auc)])
@pytest.mark.parametrize("by_rows", [False, True])
def test_ranking_intervals_equal_gathering_the_rows(name, metric, by_rows):
    y, score, group = grouped(3)
    group = np.arange(y.size) if by_rows else group
    rng, units = np.random.default_rng(4), group.max() + 1
    members = [np.flatnonzero(group == unit) for unit in range(units)]
    slow = []
    for _ in range(1500):
        rows = np.concatenate([members[unit] for unit in rng.integers(units, size=units)])
        slow.append(metric(y[rows], score[rows]))
    low, high = np.percentile(slow, [2.5, 97.5])
    fast = intervals(y, score, 0.5, None if by_rows else group, seed=1, repeats=10, ranking_repeats=8000)
    assert fast[name] == pytest.approx((low, high), abs=0.12 * (high - low))


@pytest.mark.parametrize(
    ("rows", "groups", "share", "digits"), [(900, 3, 0.4, 1), (500, 40, 0.03, 6), (300, 2, 0.9, 0)]
)
@pytest.mark.parametrize("block", [None, 7])
def test_counting_by_units_equals_adding_up_rows_to_the_last_bit(
    rows, groups, share, digits, block, monkeypatch
):
    rng = np.random.default_rng(rows)
    y = rng.random(rows) < share
    score = np.float32(np.round(rng.normal(size=rows) + y, digits))
    unit = rng.permutation(np.arange(rows) % groups)
    times = rng.multinomial(groups, np.full(groups, 1 / groups), size=60)
    times[0] = 0  # nothing is drawn: undefined
    names = list(bootstrap.AREAS)
    slow = bootstrap._areas(names, y, [score], unit, iter(times[:, None]))[:, 0]
    if block is not None:
        monkeypatch.setattr(bootstrap, "CHUNK", block * groups)
    fast = bootstrap._areas_of_units(names, y, score, unit, times)
    assert np.isnan(fast[:, 0]).all()
    assert np.array_equal(slow, fast, equal_nan=True)


def test_groups_that_differ_widen_the_interval():
    y, score, group = grouped(5, groups=10, rows=100, spread=2)
    by_group, by_row = (intervals(y, score, 0.5, groups, seed=0) for groups in (group, None))
    for name in ("sensitivity", "accuracy", "roc_auc"):
        assert np.diff(by_group[name]) > 1.5 * np.diff(by_row[name])


def test_names_and_order_and_seed():
    y, score, group = grouped(6)
    found = intervals(y, score, 0.5, group, seed=0)
    assert set(found) == set(METRICS) | set(RANKING_METRICS)
    for name, (low, high) in found.items():
        whole = (
            METRICS[name](counts_at(y, score, 0.5)) if name in METRICS else RANKING_METRICS[name](y, score)
        )
        assert low < whole < high
    assert found == intervals(y, score, 0.5, group, seed=0)
    assert found != intervals(y, score, 0.5, group, seed=1)


def test_intervals_cover_the_truth():
    truth, rng, hits = 0.8, np.random.default_rng(7), 0
    for _ in range(200):
        y = np.ones(150, bool)
        y[:50] = False
        score = np.where(rng.random(150) < truth, 1, -1).astype(np.float32)
        low, high = intervals(y, score, 0.0, None, seed=8, repeats=400, ranking_repeats=2)["sensitivity"]
        hits += low <= truth <= high
    assert 178 <= hits <= 199  # 95% of 200, give or take three standard errors


def test_undefined_resamples_are_left_out_until_they_are_the_most():
    # One group of ten holds the only detections: precision is undefined without it, (9/10)^10 = 35% of draws.
    group = np.repeat(np.arange(10), 4)
    y = np.tile([1, 0, 0, 0], 10)
    score = np.where(group == 0, 1, -1).astype(np.float32)
    found = intervals(y, score, 0.0, group, seed=0)
    assert found["precision"] == (0.25, 0.25)
    assert found["sensitivity"][0] == 0
    nothing = intervals(y, score, np.inf, group, seed=0)
    assert np.isnan(nothing["precision"]).all()
    assert np.isnan(nothing["mcc"]).all()
    assert nothing["sensitivity"] == (0, 0)


def test_one_group_has_no_interval():
    y, score, _ = grouped(0)
    found = intervals(y, score, 0.0, np.zeros(y.size), seed=0)
    assert np.isnan(list(found.values())).all()
    difference, low, high = paired_difference(y, score, 0.0, -score, 0.0, np.zeros(y.size), "f1", 0)
    assert difference > 0
    assert np.isnan(low)
    assert np.isnan(high)


@pytest.mark.parametrize("metric", ["f1", "mcc", "average_precision", "roc_auc"])
@pytest.mark.parametrize("by_rows", [False, True])
def test_paired_difference(metric, by_rows):
    y, score, group = grouped(9, groups=20, rows=20)
    group = None if by_rows else group
    noisy = np.float32(score + np.random.default_rng(0).normal(0, 1, y.size))
    assert paired_difference(y, score, 0.5, score, 0.5, group, metric, 0) == (0, 0, 0)
    difference, low, high = paired_difference(y, score, 0.5, noisy, 0.7, group, metric, 0)
    assert low < difference < high
    if metric in METRICS:
        a, b = (METRICS[metric](counts_at(y, s, t)) for s, t in ((score, 0.5), (noisy, 0.7)))
    else:
        a, b = (RANKING_METRICS[metric](y, s) for s in (score, noisy))
    assert difference == pytest.approx(float(a - b), abs=1e-12)
    back = paired_difference(y, noisy, 0.7, score, 0.5, group, metric, 0)
    assert back[0] == -difference
    assert back[1:] == pytest.approx((-high, -low), abs=0.02)


def test_pairing_is_narrower_than_two_intervals_apart():
    y, score, group = grouped(10, groups=20, rows=30, spread=2)
    nearly = np.float32(score + np.random.default_rng(0).normal(0, 0.1, y.size))
    _, low, high = paired_difference(y, score, 0.5, nearly, 0.5, group, "f1", 0)
    assert high - low < 0.5 * np.diff(intervals(y, score, 0.5, group, seed=0)["f1"])


def test_refusals():
    y, score, group = grouped(0)
    with pytest.raises(
        ValueError, match=r"groups must have the shape of the scores, \(120,\), but got \(3,\)"
    ):
        intervals(y, score, 0.0, group[:3], seed=0)
    with pytest.raises(ValueError, match="labels must have the shape of the scores"):
        paired_difference(y, score, 0.0, score[:5], 0.0, group, "f1", 0)
    score[0] = np.nan
    with pytest.raises(TrialError, match="scores must be finite"):
        intervals(y, score, 0.0, group, seed=0)


@given(arrays(np.float64, st.integers(2, 60), elements=st.floats(0, 1)), st.floats(-1, 2))
def test_an_interval_is_widened_by_no_more_than_its_estimate(values, estimate):
    low, high = interval(values)
    assert interval_around(estimate, values) == (min(low, estimate), max(high, estimate))
    assert interval_around(float(np.clip(estimate, low, high)), values) == (low, high)
