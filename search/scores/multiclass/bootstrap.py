"""Percentile bootstrap intervals of the metrics of K classes, over groups where they are known, else rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.bootstrap import (
    PAIRED_REPEATS,
    RANKING_REPEATS,
    REPEATS,
    Interval,
    interval,
    resampled_areas,
    resampled_counts,
    resampled_kinds,
    resampled_sums,
    resamples,
    sums_of,
    units_of,
)
from search.scores.metrics import AREAS, BINS, F64, ratio, sigmoid
from search.scores.multiclass.decisions import F32, UNDECIDED, ClassCounts, class_counts, codes, confusion
from search.scores.multiclass.metrics import (
    CLASS_METRICS,
    DECISION_METRICS,
    PROBABILITY_METRICS,
    RANKING_METRICS,
    briers,
    log_losses,
    macro,
    weighted,
)

AVERAGED_AREAS: dict[str, tuple[str, Callable[[F64, F64], F64]]] = {
    "macro_average_precision": ("average_precision", macro),
    "weighted_average_precision": ("average_precision", weighted),
    "roc_auc_ovr_macro": ("roc_auc", macro),
    "roc_auc_ovr_weighted": ("roc_auc", weighted),
}
"""The ranking metrics: of each class, and how they are averaged."""


@dataclass(frozen=True)
class Intervals:
    """Intervals by metric.

    Args:
        whole: of the metrics of all classes (or labels) together.
        each: of the metrics of each class (or label), one interval a class.
    """

    whole: dict[str, Interval]
    each: dict[str, list[Interval]]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is measured of a model on some rows.

    Args:
        rest: from `against_rest`, float32 `(n, K)`.
        decided: from `decide_classes`, `(n,)`.
    """

    rest: F32
    decided: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Units:
    """What is resampled.

    Args:
        unit, number: from `units_of`: groups, or rows.
        by_row: whether they are rows.
    """

    unit: NDArray[np.intp]
    number: int
    by_row: bool

    @classmethod
    def of(cls, groups: NDArray[Any] | None, like: NDArray[Any]) -> "Units":
        """The groups, or the rows where groups are not known."""
        unit, number = units_of(groups, like)
        return cls(unit, number, groups is None)


def intervals(
    y: NDArray[Any],
    model: Predictions,
    groups: NDArray[Any] | None,
    seed: int,
    repeats: int = REPEATS,
    ranking_repeats: int = RANKING_REPEATS,
) -> Intervals:
    """Intervals of every metric of `search.scores.multiclass.metrics`, offsets and scores held fixed.

    Args:
        y: places of classes `(n,)`.
        model: what is measured.
        groups: the group of each row `(n,)`; rows are resampled one by one where it is None.
        seed: of the resamples.
        repeats: resamples of decisions.
        ranking_repeats: resamples of rankings and probabilities, which cost more.

    Returns:
        As `search.scores.bootstrap.intervals`: resamples where a metric is undefined are left out, and both
        ends are NaN if fewer than half are defined, or if there is only one group.
    """
    y, size = codes(y, model.rest), model.rest.shape[1]
    units = Units.of(groups, y)
    if units.number < 2:
        return unknown((*DECISION_METRICS, *RANKING_METRICS, *PROBABILITY_METRICS), size)
    decision_rng, ranking_rng, probability_rng = np.random.default_rng(seed).spawn(3)
    [counts] = _resampled_counts(y, [model.decided], size, units, repeats, decision_rng)
    values = {name: metric(counts) for name, metric in DECISION_METRICS.items()}
    each = {name: metric(counts) for name, metric in CLASS_METRICS.items()}
    positive = y[:, None] == np.arange(size)
    ranked = resampled_rankings(positive, model.rest, units, ranking_repeats, ranking_rng)
    each |= ranked.each
    for name, (area, average) in AVERAGED_AREAS.items():
        values[name] = average(ranked.each[area], ranked.rows)
    sums = resampled_sums(_amounts(y, model.rest, units), ranking_repeats, probability_rng)
    values |= of_amounts(sums, size)
    return of_values(values, each)


def of_values(values: dict[str, F64], each: dict[str, F64]) -> Intervals:
    """The intervals of resampled values `(repeats,)` and `(repeats, K)`."""
    return Intervals(
        {name: interval(of) for name, of in values.items()},
        {name: [interval(one) for one in of.T] for name, of in each.items()},
    )


def unknown(metrics: Sequence[str], size: int) -> Intervals:
    """The intervals of these metrics, and of those of each of K classes, where units are too few: all NaN."""
    nothing = (float("nan"), float("nan"))
    return Intervals(
        dict.fromkeys(metrics, nothing), {name: [nothing] * size for name in (*CLASS_METRICS, *AREAS)}
    )


def paired_difference(
    y: NDArray[Any],
    a: Predictions,
    b: Predictions,
    groups: NDArray[Any] | None,
    metric: str,
    seed: int,
    repeats: int = PAIRED_REPEATS,
) -> tuple[float, float, float]:
    """A metric of `a` less that of `b` on the same rows, with the interval over the same resamples of both.

    Args:
        y: places of classes `(n,)`.
        a, b: what is compared.
        groups: see `intervals`.
        metric: a name of DECISION_METRICS, RANKING_METRICS or PROBABILITY_METRICS.
        seed: of the resamples.
        repeats: how many.

    Returns:
        `(metric of a - metric of b, low, high)`, NaN where undefined, as in `intervals`.
    """
    y = codes(y, a.rest)
    one, other = (_value(metric, codes(y, of.rest), of) for of in (a, b))
    units = Units.of(groups, y)
    if units.number < 2:
        return one - other, float("nan"), float("nan")
    drawn = _resampled(metric, y, (a, b), units, repeats, np.random.default_rng(seed))
    low, high = interval(drawn[0] - drawn[1])
    return one - other, low, high


def _value(metric: str, y: NDArray[np.intp], model: Predictions) -> float:
    if metric in DECISION_METRICS:
        matrix = confusion(y, model.decided, model.rest.shape[1])
        return float(DECISION_METRICS[metric](class_counts(matrix)))
    return (RANKING_METRICS | PROBABILITY_METRICS)[metric](y, model.rest)


def _resampled(
    metric: str,
    y: NDArray[np.intp],
    models: Sequence[Predictions],
    units: Units,
    repeats: int,
    rng: np.random.Generator,
) -> list[F64]:
    """A metric of each model `(repeats,)`, under the same resamples."""
    size = models[0].rest.shape[1]
    if metric in DECISION_METRICS:
        counts = _resampled_counts(y, [of.decided for of in models], size, units, repeats, rng)
        return [DECISION_METRICS[metric](of) for of in counts]
    if metric in AVERAGED_AREAS:
        area, average = AVERAGED_AREAS[metric]
        positive, state, found = y[:, None] == np.arange(size), rng.bit_generator.state, []
        for of in models:
            rng.bit_generator.state = state  # the same resamples for each of them
            ranked = resampled_rankings(positive, of.rest, units, repeats, rng)
            found.append(average(ranked.each[area], ranked.rows))
        return found
    sums = resampled_sums(np.hstack([_amounts(y, of.rest, units) for of in models]), repeats, rng)
    return [of_amounts(of, size)[metric] for of in np.split(sums, len(models), axis=1)]


def _resampled_counts(
    y: NDArray[np.intp],
    several: Sequence[NDArray[Any]],
    size: int,
    units: Units,
    repeats: int,
    rng: np.random.Generator,
) -> list[ClassCounts]:
    """Counts of each of several decisions of the rows, `(repeats, K)`, under the same resamples."""
    if not units.by_row:
        cells = np.hstack([cells_of(y, decided, size, units.unit, units.number) for decided in several])
        sums = resampled_counts(cells, repeats, rng)
    else:  # rows of one class and the same decisions are alike
        rows = np.column_stack([y, *several])
        code = np.ravel_multi_index(tuple((rows + 1).T), (size + 1,) * rows.shape[1])
        _, first, times = np.unique(code, return_index=True, return_counts=True)
        kind = np.arange(first.size)
        kinds = np.hstack([cells_of(y[first], of[first], size, kind, first.size) for of in several])
        sums = resampled_kinds(kinds, times.astype(np.int64), repeats, rng)
    return [ClassCounts(*np.split(of, 3, axis=1)) for of in np.split(sums, len(several), axis=1)]


def cells_of(
    y: NDArray[np.intp], decided: NDArray[Any], size: int, unit: NDArray[np.intp], units: int
) -> F64:
    """The counts of each unit, `(units, 3 K)`, in the order of `ClassCounts`."""
    known = decided != UNDECIDED
    columns = ((decided == y, y), (known, decided), (np.ones(y.size, np.bool_), y))
    counts = [
        np.bincount(unit[rows] * size + of[rows], minlength=units * size).reshape(units, size)
        for rows, of in columns
    ]
    return np.hstack(counts).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Rankings:
    """Resampled ranking metrics.

    Args:
        each: `average_precision` and `roc_auc` of each class or label, `(repeats, K)`.
        rows: the rows of each in each resample, `(repeats, K)`.
    """

    each: dict[str, F64]
    rows: F64


def resampled_rankings(
    positive: NDArray[np.bool_], scores: F32, units: Units, repeats: int, rng: np.random.Generator
) -> Rankings:
    """Ranking metrics of the columns of `(n, K)` under the same resamples of the units."""
    state, areas = rng.bit_generator.state, []
    for k, column in enumerate(np.ascontiguousarray(scores.T)):
        rng.bit_generator.state = state
        drawn = resampled_areas([*AREAS], positive[:, k], [column], units.unit, units.number, repeats, rng)
        areas.append(drawn[:, 0])
    rng.bit_generator.state = state
    of_units = sums_of(positive.astype(np.float64), units.unit, units.number)
    drawn_again = resamples(units.number, units.unit.size, repeats, rng)
    rows = np.concatenate([drawn @ of_units for drawn in drawn_again])
    return Rankings({name: np.stack([one[k] for one in areas], axis=1) for k, name in enumerate(AREAS)}, rows)


def _amounts(y: NDArray[np.intp], rest: F32, units: Units) -> F64:
    """What each unit adds to the metrics of probabilities; see `of_amounts`."""
    positive = y[:, None] == np.arange(rest.shape[1])
    return amounts_of(positive, rest, log_losses(y, rest), briers(y, rest), units)


def amounts_of(positive: NDArray[np.bool_], scores: F32, losses: F64, distances: F64, units: Units) -> F64:
    """What each unit adds to the metrics of probabilities, `(units, 3 + K * bins)`.

    The losses and squared distances of its rows `(n,)`, its rows, and the sums of label less probability in
    each bin of each column of the scores `(n, K)`; see `metrics.ece`.
    """
    rows = np.column_stack([losses, distances, np.ones(len(losses))])
    found = [sums_of(rows, units.unit, units.number)]
    for of, column in zip(positive.T, scores.T, strict=True):
        p = sigmoid(column)
        bins = np.maximum(np.ceil(p * BINS), 1).astype(np.intp)
        cell = units.unit * (BINS + 1) + bins
        gaps = np.bincount(cell, of - p, units.number * (BINS + 1)).astype(np.float64)
        found.append(gaps.reshape(units.number, BINS + 1))
    return np.hstack(found)


def of_amounts(sums: F64, size: int) -> dict[str, F64]:
    """The metrics of probabilities from sums of rows of `amounts_of`, `(repeats,)` each."""
    return {
        "log_loss": ratio(sums[:, 0], sums[:, 2]),
        "brier": ratio(sums[:, 1], sums[:, 2]),
        "classwise_ece": ratio(np.abs(sums[:, 3:]).sum(axis=1) / size, sums[:, 2]),
    }
