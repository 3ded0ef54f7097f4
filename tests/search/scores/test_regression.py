"""Metrics of a predicted number equal scikit-learn's, and are NaN where it makes one up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from search.scores.regression import NUMBER_METRICS, errors, held_out, intervals
from spaces.errors import TrialError
from tests.helpers import task_reference

ORACLES = {
    "mae": sk.mean_absolute_error,
    "rmse": sk.root_mean_squared_error,
    "r2": sk.r2_score,
    "median_absolute_error": sk.median_absolute_error,
}
numbers = st.one_of(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), st.floats(-1e4, 1e4, width=32))


@pytest.mark.parametrize("name", NUMBER_METRICS)
@given(data=st.data(), n=st.integers(2, 12))
@settings(deadline=None, max_examples=80)
def test_metric_equals_scikit_learn(name, data, n):
    y = np.array(data.draw(st.lists(numbers, min_size=n, max_size=n)))
    score = np.array(data.draw(st.lists(numbers, min_size=n, max_size=n)), np.float32)
    weight = np.array(data.draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=n, max_size=n)))
    for w in (None, weight):
        value = NUMBER_METRICS[name](y, score, w)
        if name == "r2" and len(set(y)) == 1:
            assert np.isnan(value)  # scikit-learn says 0, or 1
        else:
            expected = ORACLES[name](y, score.astype(float), sample_weight=w)
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", NUMBER_METRICS)
@given(st.lists(st.tuples(numbers, numbers, st.integers(0, 3)), min_size=2, max_size=10))
@settings(deadline=None, max_examples=40)
def test_weight_2_is_the_row_twice_and_weight_0_is_no_row(name, data):
    y, score, times = (np.array(column) for column in zip(*data, strict=True))
    score = score.astype(np.float32)
    if not times.any():
        assert np.isnan(NUMBER_METRICS[name](y, score, times.astype(float)))
        return
    repeated = NUMBER_METRICS[name](y.repeat(times), score.repeat(times))
    weighted = NUMBER_METRICS[name](y, score, times.astype(float))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("far", [1e6, 1e12, -1e20])
def test_intervals_hold_the_resamples_without_the_one_number_that_is_far_off(grouped, far):
    """In a third of the resamples it is missing; R2 of the others is not lost in rounding."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    score = (y + 0.3 * rng.normal(size=200)).astype(np.float32)
    y[5] = far
    unit = np.arange(200) % 25 if grouped else np.arange(200)
    found = intervals(y, score, unit if grouped else None, 0)
    plain = task_reference.resampled(
        lambda rows: task_reference.of_numbers(y[rows], score[rows]), unit, repeats=500, seed=1
    )
    for name, values in plain.items():
        assert task_reference.is_95_percent(values, *found[name], slack=0.045), name
    times = np.ones((1, 25))
    times[0, 5] = 0
    left = np.arange(200) % 25 != 5
    held = held_out(y, score, "r2", np.arange(200) % 25, 25).values(times)
    assert held[0] == pytest.approx(ORACLES["r2"](y[left], score[left].astype(float)), rel=1e-9)


def test_refusals():
    y = np.array([0.0, 1.0])
    with pytest.raises(TypeError, match="float32"):
        errors(y, y)
    with pytest.raises(ValueError, match=r"shape of the numbers, \(2,\), but got \(1,\)"):
        errors(y, np.float32([1]))
    with pytest.raises(TrialError, match="predictions must be finite, but got 1 that are not"):
        errors(y, np.float32([1, np.inf]))
