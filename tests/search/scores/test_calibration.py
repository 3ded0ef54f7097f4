"""The fits are the minima that scipy and scikit-learn find, at any size of the raw scores."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from sklearn.linear_model import LogisticRegression

from search.scores.calibration import CALIBRATIONS, Calibration, fit_none, fit_platt, fit_temperature
from search.scores.metrics import log_loss
from spaces.errors import TrialError
from spaces.study import Objective


def drawn(seed, n=300, shift=1.5, scale=1.0, mean=0.0):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    y[:2] = [True, False]
    return y, np.float32((rng.normal(size=n) + shift * y) * scale + mean)


def smoothed(y, weight):
    p, n = weight[y].sum(), weight[~y].sum()
    return np.where(y, (p + 1) / (p + 2), 1 / (n + 2))


def cross_entropy(parameters, x, target, weight):
    f = parameters[0] * x + parameters[1]
    return (weight * (np.logaddexp(0, f) - target * f)).sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
def test_platt_equals_scipy_and_scikit_learn(seed, weighted):
    y, raw = drawn(seed)
    weight = np.random.default_rng(seed).integers(1, 4, y.size).astype(float) if weighted else np.ones(y.size)
    fit = fit_platt(y, raw, weight if weighted else None)
    assert fit.reason is None
    found, target, x = fit.calibration, smoothed(y, weight), raw.astype(float)
    by_scipy = minimize(cross_entropy, [1, 0], args=(x, target, weight), tol=1e-12).x
    np.testing.assert_allclose([found.a, found.b], by_scipy, rtol=1e-4)
    # A soft target is a row of each label, weighing target and 1 - target.
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    model.fit(
        np.tile(x, 2)[:, None],
        np.repeat([1, 0], y.size),
        np.concatenate([weight * target, weight * (1 - target)]),
    )
    np.testing.assert_allclose([found.a, found.b], [model.coef_[0, 0], model.intercept_[0]], rtol=1e-4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
def test_temperature_equals_scipy_and_scikit_learn(seed, weighted):
    y, raw = drawn(seed, scale=3, mean=-2)
    weight = np.random.default_rng(seed).integers(1, 4, y.size).astype(float) if weighted else np.ones(y.size)
    fit = fit_temperature(y, raw, weight if weighted else None)
    assert fit.reason is None
    assert fit.calibration.b == 0
    target, x = smoothed(y, weight), raw.astype(float)
    by_scipy = minimize_scalar(lambda a: cross_entropy([a, 0], x, target, weight), (0.1, 1), tol=1e-10).x
    assert fit.calibration.a == pytest.approx(by_scipy, rel=1e-5)
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=1000)
    model.fit(
        np.tile(x, 2)[:, None],
        np.repeat([1, 0], y.size),
        np.concatenate([weight * target, weight * (1 - target)]),
    )
    assert fit.calibration.a == pytest.approx(model.coef_[0, 0], rel=1e-4)


def test_temperature_of_many_rows_is_that_of_unsmoothed_labels():
    y, raw = drawn(0, n=20_000, scale=5, mean=-3)
    x = raw.astype(float)
    hard = minimize_scalar(lambda a: cross_entropy([a, 0], x, y, np.ones(y.size)), (0.1, 1), tol=1e-10).x
    assert fit_temperature(y, raw).calibration.a == pytest.approx(hard, rel=1e-3)


@given(st.integers(0, 1000), st.integers(-6, 6))
@settings(deadline=None, max_examples=50)
def test_temperature_of_raw_scores_c_times_as_large_is_a_cth(seed, power):
    y, raw = drawn(seed)
    one, other = fit_temperature(y, raw), fit_temperature(y, np.float32(raw * np.float64(10.0**power)))
    assert (one.reason is None) == (other.reason is None)
    if one.reason is None:
        assert other.calibration.a * 10.0**power == pytest.approx(one.calibration.a, rel=1e-5)


@given(st.integers(0, 1000), st.integers(-6, 6))
@settings(deadline=None, max_examples=50)
def test_platt_does_not_care_for_the_size_of_raw_scores(seed, power):
    y, raw = drawn(seed)
    one, other = fit_platt(y, raw), fit_platt(y, np.float32(raw * np.float64(10.0**power)))
    assert (one.reason is None) == (other.reason is None)
    if one.reason is None:
        assert other.calibration.a * 10.0**power == pytest.approx(one.calibration.a, rel=1e-4)
        assert other.calibration.b == pytest.approx(one.calibration.b, rel=1e-4, abs=1e-5)


def test_platt_far_from_zero():
    y, raw = drawn(0, mean=1000)
    near, far = fit_platt(y, raw - np.float32(1000)), fit_platt(y, raw)
    difference = far.calibration.apply(raw) - near.calibration.apply(raw - np.float32(1000))
    assert np.abs(difference).max() < 1e-3


both_fits = pytest.mark.parametrize("fit", [fit_platt, fit_temperature])


@both_fits
@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_weight_2_is_the_row_twice_and_weight_0_is_no_row(fit, seed):
    y, raw = drawn(seed, n=40)
    times = np.arange(y.size) % 3
    times[:2] = [1, 2]
    weighted, repeated = fit(y, raw, times.astype(float)), fit(y.repeat(times), raw.repeat(times))
    assert (weighted.reason is None) == (repeated.reason is None)
    assert weighted.calibration.a == pytest.approx(repeated.calibration.a, rel=1e-5)
    assert weighted.calibration.b == pytest.approx(repeated.calibration.b, rel=1e-5, abs=1e-6)


def test_platt_helps():
    y, raw = drawn(3, n=2000, scale=8)
    assert log_loss(y, fit_platt(y, raw).calibration.apply(raw)) < log_loss(y, raw)


@both_fits
@pytest.mark.parametrize("size", [1e-6, 1, 1e6])
def test_separable_data_keep_the_slope_finite(fit, size):
    separable = fit(np.array([0, 0, 1, 1]), np.float32(np.array([-1, -0.9, 5, 6]) * size))
    assert separable.reason is None
    assert 0 < separable.calibration.a * size < 10


@both_fits
@given(
    raw=st.lists(st.floats(-(2.0**20), 2.0**20, width=32), min_size=2, max_size=20),
    y=st.lists(st.booleans(), min_size=20, max_size=20),
)
@settings(deadline=None, max_examples=300)
def test_whatever_comes_the_slope_is_positive_and_scores_are_finite(fit, raw, y):
    raw, y = np.array(raw, np.float32), np.array(y[: len(raw)])
    found = fit(y, raw)
    assert found.calibration.a > 0
    assert found.reason is None or found.calibration == Calibration()
    score = found.calibration.apply(raw)
    assert np.isfinite(score).all()
    assert (np.diff(score[np.argsort(raw)]) >= 0).all()


@both_fits
@pytest.mark.parametrize(
    ("y", "raw", "reason"),
    [
        ([0, 0, 0], [1, 2, 3], "needs positive and negative rows, but got 0 and 3"),
        ([0, 1, 1], [2, 2, 2], "needs raw scores that differ, but all are 2"),
        ([1, 1, 0, 0], [-1, -2, 1, 2], "rise with the label, but got the slope -"),
        ([1, 0, 1, 0], [0, 0, 1, 1], "rise with the label, but got the slope"),
    ],
)
def test_a_fit_that_comes_to_nothing_is_the_identity_and_says_why(fit, y, raw, reason):
    found = fit(np.array(y), np.float32(raw))
    assert found.calibration == Calibration(1.0, 0.0)
    assert reason in found.reason
    assert found.reason.startswith(fit.__name__.removeprefix("fit_"))


def test_apply_is_one_product_and_one_sum_in_float32():
    raw = np.float32([0.1, 1e7, -3.3])
    score = Calibration(0.1, 0.7).apply(raw)
    assert score.dtype == np.float32
    for one, x in zip(score, raw, strict=True):
        assert one == np.float32(np.float32(np.float32(0.1) * x) + np.float32(0.7))
    assert Calibration(0.1).a == float(np.float32(0.1))
    np.testing.assert_array_equal(Calibration().apply(raw), raw)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (-1, 0), (1e-60, 0), (1e60, 0), (np.nan, 0), (1, np.inf)])
def test_calibration_refuses_what_would_turn_or_lose_the_order(a, b):
    with pytest.raises(ValueError, match="calibration needs a finite a > 0 and a finite b, but got a="):
        Calibration(a, b)


def test_the_table_and_refusals():
    assert {"none": fit_none, "platt": fit_platt, "temperature": fit_temperature} == CALIBRATIONS
    named = get_args(Objective.model_fields["calibration"].annotation)
    assert set(named) == set(CALIBRATIONS)
    y, raw = drawn(0)
    assert fit_none(y, raw).calibration == Calibration()
    with pytest.raises(TypeError, match="float32"):
        fit_platt(y, raw.astype(float))
    with pytest.raises(TrialError, match="raw scores must be finite, but got 1"):
        fit_platt(np.array([0, 1]), np.float32([np.nan, 1]))
