"""The halves keep their promises over random group structures; cross-fitting equals a plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.scores.calibration import CALIBRATIONS, fit_none, fit_platt
from search.scores.crossfit import cross_fit
from search.scores.half_splits import draw_halves
from spaces.errors import RunError, TrialError
from spaces.policies import Cost, Fixed, MaxF1, PrecisionAtRecall, RecallAtPrecision, Youden
from tests.helpers import reference


@st.composite
def structures(draw):
    """Labels with a group and a recording for each row; a recording lies within one group."""
    n = draw(st.integers(1, 40))
    y = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    group = np.array(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
    part = np.array(draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    return y, group, group * 10 + part


def kinds(y, unit):
    """The units with positives and the units with negatives."""
    return set(unit[y].tolist()), set(unit[~y].tolist())


@given(structures(), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=300)
def test_halves_keep_their_promises(structure, seed, known_groups, known_recordings):
    y, group, recording = structure
    levels = ([("group", group)] if known_groups else []) + (
        [("recording", recording)] if known_recordings else []
    )
    levels = levels or [("row", np.arange(y.size))]
    possible = [name for name, unit in levels if min(map(len, kinds(y, unit))) >= 2]
    arguments = (y, group if known_groups else None, recording if known_recordings else None, seed)
    if not possible:
        with pytest.raises(RunError, match=r"validation needs two groups .* but got") as stopped:
            draw_halves(*arguments)
        assert stopped.value.exit_code == 2
        return
    halves = draw_halves(*arguments)
    unit = dict(levels)[halves.by]
    assert halves.by == possible[0]
    assert halves.mask.shape == (y.size, 10)
    positive, negative = kinds(y, unit)
    for first in halves.mask.T:
        one, other = set(unit[first].tolist()), set(unit[~first].tolist())
        assert not one & other  # nothing straddles
        assert abs(len(one & positive) - len(other & positive)) <= 1
        assert abs(len(one & negative) - len(other & negative)) <= 1
        assert y[first].any()
        assert y[~first].any()
        assert (~y[first]).any()
        assert (~y[~first]).any()
    assert (halves.mask == draw_halves(*arguments).mask).all()


def test_halves_differ_by_seed_and_by_split_and_each_unit_sees_both():
    y, group = np.tile([True, False], 50), np.repeat(np.arange(20), 5).astype(str)
    halves = draw_halves(y, group, None, seed=0, splits=200)
    assert len({first.tobytes() for first in halves.mask.T}) > 150
    assert 0.35 < halves.mask.mean(axis=1).min() <= halves.mask.mean(axis=1).max() < 0.65
    assert (halves.mask != draw_halves(y, group, None, seed=1, splits=200).mask).any()


def test_one_positive_group_falls_back_to_recordings_and_the_error_says_what_came():
    y = np.array([1, 0, 1, 0, 0, 0])
    group = np.array([0, 0, 0, 0, 1, 2])
    assert draw_halves(y, group, np.array([0, 0, 1, 1, 2, 3]), 0).by == "recording"
    message = "but got 1 groups with positives and 3 with negatives; use more groups"
    with pytest.raises(RunError, match=message):
        draw_halves(y, group, None, 0)
    with pytest.raises(RunError, match=r"1 groups with positives .*, 1 recordings with positives"):
        draw_halves(y, group, group, 0)
    with pytest.raises(ValueError, match=r"groups must have the shape of the labels, \(6,\), but got \(3,\)"):
        draw_halves(y, group[:3], None, 0)


POLICIES = [
    MaxF1(),
    Youden(policy="youden"),
    Cost(policy="cost", c_fn=4),
    Fixed(policy="fixed", at=0.4),
    PrecisionAtRecall(policy="precision_at_recall", recall=0.8),
    RecallAtPrecision(policy="recall_at_precision", precision=0.75),
]


@pytest.mark.parametrize("metric", ["f1", "mcc", "precision", "average_precision"])
@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=8)
def test_cross_fit_equals_a_plain_loop(metric, policy, seed):
    rng = np.random.default_rng(seed)
    y = rng.random(30) < 0.4
    y[:4] = [True, False, True, False]
    raw = np.float32(np.round(rng.normal(size=30) + y, 1))
    halves = draw_halves(y, None, None, seed, splits=3)
    expected = reference.cross_fit(y, raw, halves.mask, policy, metric)
    value = cross_fit(y, raw, halves, fit_none, policy, metric)
    assert np.isnan(value) if expected is None else value == pytest.approx(expected, rel=1e-12)


def grouped(seed=0, groups=40, rows=50):
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rows)
    y = rng.random(group.size) < 0.2
    return y, np.float32(rng.normal(size=group.size) + 1.5 * y), group


def test_calibration_is_fitted_on_the_other_half_and_serves_a_fixed_threshold():
    y, raw, group = grouped()
    halves = draw_halves(y, group, None, 0)
    crooked = np.float32(raw * 20 - 70)
    fixed = Fixed(policy="fixed", at=0.3)
    plain, platt = (
        cross_fit(y, crooked, halves, CALIBRATIONS[name], fixed, "f1") for name in ("none", "platt")
    )
    assert platt > plain + 0.1
    straight = cross_fit(y, raw, halves, fit_platt, fixed, "f1")
    assert platt == pytest.approx(straight, abs=1e-3)
    assert (
        cross_fit(y, crooked, halves, fit_platt, fixed, "brier")
        < 0.2
        < cross_fit(y, crooked, halves, fit_none, fixed, "brier")
    )


def test_pure_noise_is_flattered_in_sample_but_not_cross_fitted():
    rng = np.random.default_rng(0)
    values = []
    for _ in range(30):
        y, raw = rng.random(40) < 0.5, rng.normal(size=40).astype(np.float32)
        halves = draw_halves(y, None, None, 0)
        values.append(cross_fit(y, raw, halves, fit_none, Youden(policy="youden"), "balanced_accuracy"))
    assert abs(np.mean(values) - 0.5) < 0.04


def test_undefined_on_any_half_is_nan_and_bad_scores_fail_the_trial():
    y, raw, group = grouped()
    halves = draw_halves(y, group, None, 0)
    assert np.isnan(cross_fit(y, raw, halves, fit_none, Fixed(policy="fixed", at=1 - 1e-9), "precision"))
    impossible = RecallAtPrecision(policy="recall_at_precision", precision=1)
    upside_down = np.float32(-raw - 10 * y)
    assert np.isnan(cross_fit(y, upside_down, halves, fit_none, impossible, "f1"))
    raw[5] = np.nan
    with pytest.raises(TrialError, match="raw scores must be finite, but got 1"):
        cross_fit(y, raw, halves, fit_none, MaxF1(), "f1")
