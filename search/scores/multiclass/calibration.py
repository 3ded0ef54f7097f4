"""Calibration of K classes: one temperature for all scores."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.calibration import (
    STEPS,
    Calibration,
    CalibrationMethod,
    Fit,
    fit_none,
    identity,
    least_slope,
)
from search.scores.metrics import F64
from search.scores.multiclass.decisions import F32, codes
from search.scores.ranking import weights
from spaces.errors import TrialError


def fit_temperature(y: NDArray[Any], raw: F32, weight: F64 | None = None) -> Fit:
    """A slope `score = a * raw`, a > 0, that minimises the cross-entropy of the softmax (Guo et al. 2017).

    Labels are smoothed as Platt does, for K classes: a row of a class with N rows is to (N + 1) / (N + K) of
    it, and to 1 / (N + K) of each other. Without that the slope is infinite wherever every row's own class
    has the largest score. Of two classes it is the temperature of the difference of their scores.

    Args:
        y: places of classes `(n,)`.
        raw: finite, float32 `(n, K)`.
        weight: `(n,)`, at least 0; weight 2 is the row twice.

    Returns:
        The fit, with b = 0; the identity with a reason where all rows are of one class or have the same
        scores, the slope comes out at 0 or below, or the fit does not settle.

    Raises:
        TrialError: a raw score is NaN or infinite.
    """
    y = codes(y, raw)
    if not np.isfinite(raw).all():
        raise TrialError(f"raw scores must be finite, but got {int((~np.isfinite(raw)).sum())} that are not")
    w = np.ones(y.size) if weight is None else weights(weight, y)
    y, x, w = y[w > 0], raw[w > 0].astype(np.float64), w[w > 0]
    size, rows = raw.shape[1], np.bincount(y, w, raw.shape[1])
    if np.count_nonzero(rows) < 2:
        return identity("temperature needs rows of two classes or more, but all are of one")
    x = np.ascontiguousarray(x.T)  # sums over few classes are quick along the first axis
    x -= x.mean(axis=0)
    if (x == x[:, :1]).all():
        return identity("temperature needs raw scores that differ, but all rows have the same")
    target = np.where(y == np.arange(size)[:, None], 1 + rows[y], 1.0) / (rows[y] + size)
    w = w / w.sum()
    spread = float(np.sqrt(w @ np.square(x).sum(axis=0)))
    x /= spread
    wanted = float(w @ (target * x).sum(axis=0))  # minus the gradient at 0, whose softmax is even
    if abs(wanted) <= 1e-12:
        return identity("temperature needs raw scores that rise with the label, but got the slope 0")
    sign = float(np.sign(wanted))
    slope = least_slope(_derivatives(sign * x, w, abs(wanted)))
    if slope is None:
        return identity(f"temperature did not settle in {STEPS} steps")
    slope *= sign / spread
    if sign < 0:
        return identity(
            f"temperature needs raw scores that rise with the label, but got the slope {slope:.4g}"
        )
    try:
        return Fit(Calibration(slope))
    except ValueError as error:  # outside the range of float32
        return identity(str(error))


def _derivatives(x: F64, w: F64, wanted: float) -> Callable[[float], tuple[float, Callable[[], float]]]:
    """The gradient and the curvature of the cross-entropy of softmax(slope * x), for `least_slope`."""
    above = x - x.max(axis=0)

    def at(slope: float) -> tuple[float, Callable[[], float]]:
        p = np.exp(slope * above)
        p /= p.sum(axis=0)
        mean = (p * x).sum(axis=0)
        return float(w @ mean) - wanted, lambda: float(w @ ((p * np.square(x)).sum(axis=0) - np.square(mean)))

    return at


CALIBRATIONS: dict[str, CalibrationMethod] = {"none": fit_none, "temperature": fit_temperature}
"""The calibrations that a study of K classes may name; after `temperature` the softmax is a probability."""
