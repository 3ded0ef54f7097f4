"""The temperature of K classes is scikit-learn's, and that of two classes the binary one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from search.scores import calibration as of_two
from search.scores.calibration import Calibration
from search.scores.multiclass.calibration import CALIBRATIONS, fit_temperature
from spaces.errors import TrialError


class Scores(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its scores."""

    def fit(self, x, y):
        self.classes_ = np.arange(x.shape[1])
        return self

    def decision_function(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


def drawn(seed, n=300, classes=4, gain=1.5, scale=3.0):
    rng = np.random.default_rng(seed)
    y = rng.choice(classes, n, p=rng.dirichlet(np.full(classes, 3.0)))
    y[:classes] = np.arange(classes)
    raw = rng.normal(size=(n, classes))
    raw[np.arange(n), y] += gain
    return y, np.float32(raw * scale)


def smoothed(y, weight, classes):
    rows = np.bincount(y, weight, classes)
    target = np.array([[1 / (rows[label] + classes)] * classes for label in y])
    target[np.arange(y.size), y] = (rows[y] + 1) / (rows[y] + classes)
    return target


@pytest.mark.filterwarnings("ignore:Since FrozenEstimator does not appear to accept sample_weight")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weighted", [False, True])
def test_temperature_equals_scikit_learn_and_scipy(seed, weighted):
    y, raw = drawn(seed)
    weight = np.random.default_rng(seed).integers(1, 4, y.size).astype(float) if weighted else np.ones(y.size)
    fit = fit_temperature(y, raw, weight if weighted else None)
    assert fit.reason is None
    assert fit.calibration.b == 0
    target, x = smoothed(y, weight, 4), raw.astype(float)
    by_scipy = minimize_scalar(
        lambda a: -(weight[:, None] * target * log_softmax(a * x, axis=1)).sum(), (0.1, 1), tol=1e-10
    ).x
    assert fit.calibration.a == pytest.approx(by_scipy, rel=1e-6)
    # A soft target is a row of each label, weighing its share.
    model = CalibratedClassifierCV(FrozenEstimator(Scores().fit(x, y)), method="temperature")
    model.fit(np.tile(x, (4, 1)), np.repeat(np.arange(4), y.size), (weight[:, None] * target).T.ravel())
    expected = np.log(model.predict_proba(x))
    found = log_softmax(fit.calibration.apply(raw).astype(float), axis=1)
    np.testing.assert_allclose(found - found[:, :1], expected - expected[:, :1], rtol=1e-4, atol=1e-4)


def test_temperature_of_many_rows_is_scikit_learns_of_unsmoothed_labels():
    y, raw = drawn(0, n=20_000)
    model = CalibratedClassifierCV(FrozenEstimator(Scores().fit(raw, y)), method="temperature")
    model.fit(raw.astype(float), y)
    expected = model.calibrated_classifiers_[0].calibrators[0].beta_
    assert fit_temperature(y, raw).calibration.a == pytest.approx(expected, rel=4e-3)


@given(st.integers(0, 1000), st.integers(-6, 6), st.booleans())
@settings(deadline=None, max_examples=60)
def test_two_classes_have_the_binary_temperature(seed, power, weighted):
    rng = np.random.default_rng(seed)
    y = np.array([0, 1, *(rng.random(60) < 0.3)]).astype(int)
    d = np.float32((rng.normal(size=y.size) + rng.choice([-1, 1.5]) * y) * 10.0**power)
    weight = rng.integers(0, 3, y.size).astype(float) if weighted else None
    found = fit_temperature(y, np.stack([-d / 2, d / 2], axis=1), weight)
    expected = of_two.fit_temperature(y, d, weight)
    assert (found.reason is None) == (expected.reason is None)
    assert found.calibration.a == pytest.approx(expected.calibration.a, rel=1e-6)


@given(st.integers(0, 300), st.integers(-6, 6))
@settings(deadline=None, max_examples=30)
def test_raw_scores_c_times_as_large_have_a_cth_of_the_slope(seed, power):
    y, raw = drawn(seed, n=60)
    one, other = fit_temperature(y, raw), fit_temperature(y, np.float32(raw * np.float64(10.0**power)))
    assert (one.reason is None) == (other.reason is None)
    if one.reason is None:
        assert other.calibration.a * 10.0**power == pytest.approx(one.calibration.a, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_weight_2_is_the_row_twice_and_a_permutation_changes_nothing(seed):
    y, raw = drawn(seed, n=60)
    times = np.arange(60) % 3
    times[:4] = 1
    weighted = fit_temperature(y, raw, times.astype(float)).calibration.a
    repeated = fit_temperature(y.repeat(times), raw.repeat(times, axis=0)).calibration.a
    assert weighted == pytest.approx(repeated, rel=1e-6)
    order = np.array([2, 0, 3, 1])
    permuted = fit_temperature(np.argsort(order)[y], raw[:, order]).calibration.a
    assert permuted == pytest.approx(fit_temperature(y, raw).calibration.a, rel=1e-6)


def test_separable_classes_keep_the_slope_finite():
    y = np.arange(12) % 3
    fit = fit_temperature(y, np.float32(np.eye(3)[y] * 5))
    assert fit.reason is None
    assert 0 < fit.calibration.a < 2


@given(
    st.lists(
        st.tuples(st.integers(0, 2), *[st.floats(-(2.0**20), 2.0**20, width=32)] * 3), min_size=2, max_size=12
    )
)
@settings(deadline=None, max_examples=150)
def test_whatever_comes_the_slope_is_positive(data):
    y, *columns = zip(*data, strict=True)
    raw = np.array(columns, np.float32).T.copy()
    found = fit_temperature(np.array(y), raw)
    assert found.calibration.a > 0
    assert found.reason is None or found.calibration == Calibration()
    assert np.isfinite(found.calibration.apply(raw)).all()


@pytest.mark.parametrize(
    ("y", "raw", "reason"),
    [
        ([1, 1, 1], np.eye(3), "temperature needs rows of two classes or more, but all are of one"),
        ([0, 1, 2], np.ones((3, 3)), "temperature needs raw scores that differ, but all rows have the same"),
        ([0, 1, 2], -np.eye(3), "temperature needs raw scores that rise with the label, but got the slope -"),
    ],
)
def test_a_fit_that_comes_to_nothing_is_the_identity_and_says_why(y, raw, reason):
    found = fit_temperature(np.array(y), np.float32(raw))
    assert found.calibration == Calibration()
    assert found.reason.startswith(reason)


def test_the_table_and_refusals():
    y, raw = drawn(0)
    assert CALIBRATIONS["none"](y, raw).calibration == Calibration()
    with pytest.raises(TrialError, match="raw scores must be finite, but got 1 that are not"):
        fit_temperature(np.array([0, 1]), np.float32([[np.nan, 0], [0, 1]]))
