"""Calibration from raw score to score, `a * raw + b` with a > 0: Platt, temperature, prior shift."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import F64, sigmoid, softplus
from search.scores.ranking import float32_scores, positives, weights
from search.scores.thresholds import logit
from spaces.errors import TrialError

STEPS = 100
"""Newton needs about ten; Lin, Lin and Weng allow as many."""
SETTLED = 1e-6
"""Largest gradient of the mean cross-entropy, over standardised raw scores, that ends a fit."""


@dataclass(frozen=True)
class Calibration:
    """The map from raw score to score; `a` and `b` are float32 values, so what is recorded is what is used.

    Args:
        a: slope, finite and above 0.
        b: offset, finite.
    """

    a: float = 1.0
    b: float = 0.0

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            with np.errstate(over="ignore", under="ignore"):
                rounded = float(np.float32(getattr(self, name)))
            object.__setattr__(self, name, rounded)
        if not (0 < self.a < np.inf and np.isfinite(self.b)):
            raise ValueError(
                f"calibration needs a finite a > 0 and a finite b, but got a={self.a}, b={self.b}"
            )

    def apply(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of raw scores, float32: one product and one sum, each rounded to float32 as in a graph."""
        score = np.float32(self.a) * float32_scores(raw) + np.float32(self.b)
        return np.asarray(score, np.float32)


@dataclass(frozen=True)
class Fit:
    """A calibration, and why it is the identity if the fit came to nothing (None if all is well)."""

    calibration: Calibration
    reason: str | None = None


class CalibrationMethod(Protocol):
    """Fits a calibration to labels `(n,)` and raw scores `(n,)`."""

    def __call__(self, y: NDArray[Any], raw: NDArray[np.float32], weight: F64 | None = None) -> Fit: ...


def fit_none(y: NDArray[Any], raw: NDArray[np.float32], weight: F64 | None = None) -> Fit:
    """The identity: the raw score is the score."""
    return Fit(Calibration())


def fit_platt(y: NDArray[Any], raw: NDArray[np.float32], weight: F64 | None = None) -> Fit:
    """A logistic curve over the raw score (Platt 1999), by the Newton method of Lin, Lin and Weng (2007).

    Labels are smoothed to `(P + 1) / (P + 2)` and `1 / (N + 2)`, which keeps the slope finite on separable
    data. Inside, raw scores are standardised, so their size does not matter.

    Args:
        y: 0/1 or bool `(n,)`.
        raw: finite, float32 `(n,)`.
        weight: `(n,)`, at least 0; weight 2 is the row twice.

    Returns:
        The fit; the identity with a reason where a class is missing, all raw scores are equal, the slope
        comes out at 0 or below, or the fit does not settle.

    Raises:
        TrialError: a raw score is NaN or infinite.
    """
    return _fit("platt", _logistic_curve, y, raw, weight)


def fit_temperature(y: NDArray[Any], raw: NDArray[np.float32], weight: F64 | None = None) -> Fit:
    """A slope alone, `score = a * raw`, that minimises the cross-entropy (Guo et al. 2017: a = 1 / T).

    Labels are smoothed as Platt does: without that the slope is infinite wherever 0 separates the classes,
    which is what a good head does on a small half of the validation rows.

    Args:
        y, raw, weight: see `fit_platt`.

    Returns:
        The fit, with b = 0; the identity with a reason as in `fit_platt`.

    Raises:
        TrialError: a raw score is NaN or infinite.
    """
    return _fit("temperature", _slope_alone, y, raw, weight)


@dataclass(frozen=True)
class _Line:
    """`slope * (raw - centre) + offset`."""

    slope: float
    centre: float = 0.0
    offset: float = 0.0


_Solver = Callable[[F64, F64, F64], _Line | None]
"""The line of least cross-entropy for raw scores, smoothed labels in (0, 1) and row weights that sum to 1,
`(n,)` each; None if the search for it does not settle."""


def _fit(name: str, solve: _Solver, y: NDArray[Any], raw: NDArray[np.float32], weight: F64 | None) -> Fit:
    """What `solve` finds, or the identity with a reason that begins with the method's name."""
    x = float32_scores(raw).astype(np.float64)
    if not np.isfinite(x).all():
        raise TrialError(f"raw scores must be finite, but got {int((~np.isfinite(x)).sum())} that are not")
    positive = positives(y, raw)
    w = np.ones(x.shape) if weight is None else weights(weight, raw)
    p, n = float(w[positive].sum()), float(w[~positive].sum())
    if p == 0 or n == 0:
        return identity(f"{name} needs positive and negative rows, but got {p:g} and {n:g}")
    counted = x[w > 0]
    if counted.min() == counted.max():
        return identity(f"{name} needs raw scores that differ, but all are {counted[0]:g}")
    line = solve(x, np.where(positive, (p + 1) / (p + 2), 1 / (n + 2)), w / (p + n))
    if line is None:
        return identity(f"{name} did not settle in {STEPS} steps")
    if line.slope <= 0:
        return identity(
            f"{name} needs raw scores that rise with the label, but got the slope {line.slope:.4g}"
        )
    with np.errstate(over="ignore", under="ignore"):
        a = float(np.float32(line.slope))
    b = line.offset - a * line.centre  # with the rounded slope, so that the rounding does not shift the curve
    try:
        return Fit(Calibration(a, b))
    except ValueError as error:  # outside the range of float32
        return identity(str(error))


def identity(reason: str) -> Fit:
    """No calibration, because of what the reason says."""
    return Fit(Calibration(), reason)


def _logistic_curve(x: F64, target: F64, w: F64) -> _Line | None:
    mean = float(w @ x)
    spread = float(np.sqrt(w @ np.square(x - mean)))
    share = float(w @ target)
    found = _newton((x - mean) / spread, target, w, offset=float(np.log(share / (1 - share))))
    return None if found is None else _Line(found[0] / spread, mean, found[1])


def _slope_alone(x: F64, target: F64, w: F64) -> _Line | None:
    """Newton's method on the convex cross-entropy of sigmoid(slope * x), kept inside a bracket."""
    size = float(np.sqrt(w @ np.square(x)))
    x = x / size
    at_0 = float(w @ ((0.5 - target) * x))
    if abs(at_0) <= 1e-12:
        return _Line(0.0)
    sign = -np.sign(at_0)  # which way the cross-entropy falls; the minimum lies that way, at a finite slope
    x = sign * x

    def derivatives(slope: float) -> tuple[float, Callable[[], float]]:
        p = sigmoid(slope * x)
        return float(w @ ((p - target) * x)), lambda: float(w @ (p * (1 - p) * np.square(x)))

    slope = least_slope(derivatives)
    return None if slope is None else _Line(float(sign * slope / size))


def least_slope(derivatives: Callable[[float], tuple[float, Callable[[], float]]]) -> float | None:
    """The slope above 0 where a convex function is least, to about 1e-12 in its gradient.

    Args:
        derivatives: the gradient at a slope, and what tells the curvature there. The gradient is below 0 at
            0, and the slopes of interest are about 1.

    Returns:
        None if the gradient is still above SETTLED when the steps are used up.
    """
    slope, low, high, gradient = 1.0, 0.0, np.inf, np.inf
    for _ in range(STEPS):
        gradient, curvature_there = derivatives(slope)
        if abs(gradient) <= 1e-12:
            break
        low, high = (slope, high) if gradient < 0 else (low, slope)
        curvature = curvature_there()
        step = gradient / curvature if curvature > 0 else np.inf
        middle = 2 * slope if high == np.inf else (low + high) / 2
        then = slope - step if low < slope - step < high else middle
        if then == slope:  # rounding hides any further descent
            break
        slope = then
    return slope if abs(gradient) <= SETTLED else None


def _newton(x: F64, target: F64, w: F64, offset: float) -> tuple[float, float] | None:
    """Slope and offset that minimise the cross-entropy of sigmoid(slope * x + offset) against `target`.

    Args:
        x: standardised raw scores `(n,)`.
        target: smoothed labels in (0, 1), `(n,)`.
        w: row weights `(n,)`, summing to 1.
        offset: where to start, with slope 0.

    Returns:
        None if the gradient is still above SETTLED when the steps are used up or no step helps.
    """

    def loss(slope: float, offset: float) -> float:
        f = slope * x + offset
        return float(w @ (softplus(f) - target * f))

    slope, now = 0.0, loss(0.0, offset)
    gradient = np.inf
    for _ in range(STEPS):
        p = sigmoid(slope * x + offset)
        miss, curvature = w * (p - target), w * p * (1 - p)
        g_a, g_b = float(miss @ x), float(miss.sum())
        gradient = max(abs(g_a), abs(g_b))
        if gradient <= 1e-12:
            break
        bent = curvature * x
        h_aa, h_ab, h_bb = float(bent @ x) + 1e-12, float(bent.sum()), float(curvature.sum()) + 1e-12
        determinant = h_aa * h_bb - h_ab * h_ab
        d_a, d_b = (h_ab * g_b - h_bb * g_a) / determinant, (h_ab * g_a - h_aa * g_b) / determinant
        step, descent = 1.0, g_a * d_a + g_b * d_b
        while (then := loss(slope + step * d_a, offset + step * d_b)) > now + 1e-4 * step * descent:
            step /= 2
            if step < 1e-10:
                break
        if step < 1e-10 or then == now:  # rounding hides any further descent
            break
        slope, offset, now = slope + step * d_a, offset + step * d_b, then
    return (slope, offset) if gradient <= SETTLED else None


CALIBRATIONS: dict[str, CalibrationMethod] = {
    "none": fit_none,
    "platt": fit_platt,
    "temperature": fit_temperature,
}
"""The calibrations a study may name."""

UNBENDING = frozenset({"platt"})
"""Those after which sigmoid(score) is a probability whatever the raw scores were."""


def moved_to(prevalence: float, method: CalibrationMethod) -> CalibrationMethod:
    """A calibration whose probabilities hold where a share `prevalence` of the rows is positive.

    `score += logit(prevalence) - logit(share)`, with the weighted share of positives among the rows of the
    fit (Saerens, Latinne and Decaestecker 2002): right where the two places differ in how many positives
    there are, not in what positives and negatives look like. The order of the scores stays, so rules that
    choose a threshold from the scores decide as before; a threshold fixed as a probability decides
    otherwise. Where the fit fails, the identity is kept, with the reason.

    Platt's curve has the share of its rows on average; a temperature has no offset of its own, so what bent
    the network's own share (class weights) is still in its probabilities, and in the moved ones.

    Args:
        prevalence: in (0, 1).
        method: what fits the calibration at the share of the rows; its `Fit` without a reason has seen
            both classes.
    """

    def fit(y: NDArray[Any], raw: NDArray[np.float32], weight: F64 | None = None) -> Fit:
        found = method(y, raw, weight)
        if found.reason is not None:
            return found
        positive = positives(y, raw)
        w = np.ones(positive.shape) if weight is None else weights(weight, raw)
        share = float(w[positive].sum() / w.sum())
        a, b = found.calibration.a, found.calibration.b
        return Fit(Calibration(a, b + logit(prevalence) - logit(share)))

    return fit


def weights_at(prevalence: float, y: NDArray[Any]) -> F64:
    """Row weights that give positives the share `prevalence`, with which moved probabilities are measured.

    Args:
        prevalence: in (0, 1).
        y: 0/1 or bool `(n,)`.

    Returns:
        `(n,)`, summing to n; all 0 where a class is missing, so that every metric is undefined: no weights
        give the share then.
    """
    positive = positives(y, np.asarray(y))
    share = float(positive.mean()) if positive.size else 0.0
    if share in (0.0, 1.0):
        return np.zeros(positive.shape)
    return np.where(positive, prevalence / share, (1 - prevalence) / (1 - share))
