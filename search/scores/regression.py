"""Metrics of a predicted number, in the units of the target. An undefined metric is NaN, never 0."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.scores.bootstrap import (
    PAIRED_REPEATS,
    RANKING_REPEATS,
    Interval,
    interval,
    resamples,
    sums_of,
    units_of,
)
from search.scores.crossfit import mean_over_halves
from search.scores.crossfit_sums import CrossfitSums
from search.scores.half_splits import Halves
from search.scores.metrics import F64, ratio
from search.scores.ranking import float32_scores, weights
from spaces.errors import TrialError

FAR = 1e3
"""A mean that lies more such ranges of 90% of the numbers from their median is that of a few far off."""


class NumberMetric(Protocol):
    """A metric of true numbers `(n,)` and predicted ones `(n,)`."""

    def __call__(self, y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float: ...


def errors(y: NDArray[Any], score: NDArray[np.float32]) -> F64:
    """How far above the truth each prediction is, float64 `(n,)`.

    Raises:
        TypeError, ValueError: predictions not float32, or shapes that differ.
        TrialError: a prediction is NaN or infinite.
    """
    y = np.asarray(y, np.float64)
    if float32_scores(score).shape != y.shape or y.ndim != 1:
        raise ValueError(f"predictions must have the shape of the numbers, {y.shape}, but got {score.shape}")
    if not np.isfinite(score).all():
        raise TrialError(
            f"predictions must be finite, but got {int((~np.isfinite(score)).sum())} that are not"
        )
    return np.asarray(score - y)


def _weight(y: NDArray[Any], weight: F64 | None) -> F64:
    return np.ones(np.shape(y)) if weight is None else weights(weight, np.asarray(y))


def mae(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """Mean absolute error."""
    w = _weight(y, weight)
    return float(ratio(w @ np.abs(errors(y, score)), w.sum()))


def rmse(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """Root of the mean squared error."""
    w = _weight(y, weight)
    return float(np.sqrt(ratio(w @ np.square(errors(y, score)), w.sum())))


def r2(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """1 - squared error / squared distance from the mean; undefined where all numbers are equal."""
    w, y = _weight(y, weight), np.asarray(y, np.float64)
    found = errors(y, score)
    counted = y[w > 0]
    if counted.size == 0 or counted.min() == counted.max():
        return float("nan")
    mean = w @ y / w.sum()
    return float(1 - (w @ np.square(found)) / (w @ np.square(y - mean)))


def median_absolute_error(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """Median of the absolute errors: the mean of the two in the middle where there are two."""
    w, found = _weight(y, weight), np.abs(errors(y, score))
    order = np.argsort(found, kind="stable")
    return float(weighted_medians(found[order], w[order][None])[0])


def weighted_medians(values: F64, weight: NDArray[Any]) -> F64:
    """Medians of ascending values `(n,)` under several sets of weights `(k, n)`, `(k,)`; NaN without any."""
    below = np.cumsum(weight, axis=1)
    half = below[:, -1:] / 2
    found = np.full(len(below), np.nan)
    for k in np.flatnonzero(half[:, 0] > 0):
        lower, upper = np.searchsorted(below[k], half[k, 0]), np.searchsorted(below[k], half[k, 0], "right")
        found[k] = (values[lower] + values[upper]) / 2
    return found


NUMBER_METRICS: dict[str, NumberMetric] = {
    "mae": mae,
    "rmse": rmse,
    "r2": r2,
    "median_absolute_error": median_absolute_error,
}
"""Metrics of a predicted number, by name; smaller is better, but for `r2`."""


def cross_fit(y: NDArray[Any], score: NDArray[np.float32], halves: Halves, metric: str) -> float:
    """Mean of a metric over both halves of every split; nothing is fitted on either.

    Args:
        y: true numbers `(n,)`.
        score: predicted ones, float32 `(n,)`.
        halves: from `draw_halves_of` of the same rows.
        metric: a name of NUMBER_METRICS.

    Returns:
        NaN if the metric is undefined on any half.
    """
    of = NUMBER_METRICS[metric]
    return mean_over_halves(halves, lambda fitted: of(y[~fitted], score[~fitted]))


def intervals(
    y: NDArray[Any],
    score: NDArray[np.float32],
    groups: NDArray[Any] | None,
    seed: int,
    repeats: int = RANKING_REPEATS,
) -> dict[str, Interval]:
    """Intervals of every metric of NUMBER_METRICS, predictions held fixed.

    Args:
        y: true numbers `(n,)`.
        score: predicted ones, float32 `(n,)`.
        groups: the group of each row `(n,)`; rows are resampled one by one where it is None.
        seed: of the resamples.
        repeats: how many.

    Returns:
        As `search.scores.bootstrap.intervals`: resamples where a metric is undefined are left out, and both
        ends are NaN if fewer than half are defined, or if there is only one group.
    """
    unit, units = units_of(groups, np.asarray(y))
    if units < 2:
        return dict.fromkeys(NUMBER_METRICS, (float("nan"), float("nan")))
    values = _resampled(y, score, unit, units, repeats, np.random.default_rng(seed))
    return {name: interval(values[name]) for name in NUMBER_METRICS}


def paired_difference(
    y: NDArray[Any],
    score_a: NDArray[np.float32],
    score_b: NDArray[np.float32],
    groups: NDArray[Any] | None,
    metric: str,
    seed: int,
    repeats: int = PAIRED_REPEATS,
) -> tuple[float, float, float]:
    """A metric of `a` less that of `b` on the same rows, with the interval over the same resamples of both.

    Args:
        y: true numbers `(n,)`.
        score_a, score_b: predicted ones, float32 `(n,)` each.
        groups: see `intervals`.
        metric: a name of NUMBER_METRICS.
        seed: of the resamples.
        repeats: how many.

    Returns:
        `(metric of a - metric of b, low, high)`, NaN where undefined, as in `intervals`.
    """
    difference = NUMBER_METRICS[metric](y, score_a) - NUMBER_METRICS[metric](y, score_b)
    unit, units = units_of(groups, np.asarray(y))
    if units < 2:
        return difference, float("nan"), float("nan")
    a, b = (
        _resampled(y, score, unit, units, repeats, np.random.default_rng(seed))[metric]
        for score in (score_a, score_b)
    )
    low, high = interval(a - b)
    return difference, low, high


def _resampled(
    y: NDArray[Any],
    score: NDArray[np.float32],
    unit: NDArray[np.intp],
    units: int,
    repeats: int,
    rng: np.random.Generator,
) -> dict[str, F64]:
    """Every metric under resamples of the units, `(repeats,)` each."""
    distances = np.abs(errors(y, score))
    order = np.argsort(distances, kind="stable")
    distances, of_order = distances[order], unit[order]
    of_units = sums_of(_amounts(y, score), unit, units)
    sums, medians = [], []
    for drawn in resamples(units, distances.size, repeats, rng):
        sums.append(drawn @ of_units)
        medians.append(weighted_medians(distances, drawn[:, of_order]))
    return of_sums(np.concatenate(sums)) | {"median_absolute_error": np.concatenate(medians)}


def _amounts(y: NDArray[Any], score: NDArray[np.float32]) -> F64:
    """What each row adds to the metrics that are no medians, `(n, 5)`; see `of_sums`."""
    found, y = errors(y, score), np.asarray(y, np.float64)
    centred = y - _centre(y)
    return np.column_stack([np.ones(y.size), np.abs(found), np.square(found), centred, np.square(centred)])


def _centre(y: F64) -> float:
    """A number near which most of `(n,)` lie: the mean, unless few that are far off have drawn it away.

    Of a resample without these, the spread of the others around a mean so far away would be lost in rounding.
    """
    mean, middle, (low, high) = float(y.mean()), float(np.median(y)), np.percentile(y, [5, 95])
    return middle if abs(mean - middle) > FAR * (high - low) else mean


def of_sums(sums: F64) -> dict[str, F64]:
    """The metrics that are no medians from sums over rows, `(k, 5)` or `(5,)`.

    Their number; absolute and squared errors; targets less a constant near their mean, and squares of that.
    """
    n, absolute, squared, total, spread = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):  # without rows all are NaN
        around = spread - np.square(total) / n
        around = np.where(around > 1e-12 * spread, around, np.nan)  # of equal numbers only rounding is left
        return {"mae": absolute / n, "rmse": np.sqrt(squared / n), "r2": 1 - squared / around}


def held_out(
    y: NDArray[Any], score: NDArray[np.float32], metric: str, piece: NDArray[np.intp], pieces: int
) -> CrossfitSums:
    """The trial as others are compared with it, on which nothing was fitted; see `CrossfitSums`.

    Args:
        y: true numbers `(n,)`.
        score: predicted ones, float32 `(n,)`.
        metric: `mae`, `rmse` or `r2`; the median of sums is not known.
        piece, pieces: which piece each row belongs to `(n,)`, and how many there are.
    """
    return CrossfitSums(sums_of(_amounts(y, score), piece, pieces), lambda sums: of_sums(sums)[metric])
