"""Percentile bootstrap intervals of the metrics of K classes, over groups where they are known, else rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.bootstrap import (
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
from search.scores.classes.decisions import F32, UNDECIDED, ClassCounts, codes
from search.scores.classes.metrics import (
    CLASS_METRICS,
    DECISION_METRICS,
    briers,
    log_losses,
    macro,
    weighted,
)
from search.scores.metrics import AREAS, BINS, F64, ratio, sigmoid

NAMES_OF_AREAS = {
    "average_precision": ("macro_average_precision", "weighted_average_precision"),
    "roc_auc": ("roc_auc_ovr_macro", "roc_auc_ovr_weighted"),
}


@dataclass(frozen=True)
class Intervals:
    """Intervals by metric.

    Args:
        whole: of the metrics of all classes (or labels) together.
        each: of the metrics of each class (or label), one interval a class.
    """

    whole: dict[str, Interval]
    each: dict[str, list[Interval]]


def intervals(
    y: NDArray[Any],
    rest: F32,
    decided: NDArray[Any],
    groups: NDArray[Any] | None,
    seed: int,
    repeats: int = REPEATS,
    ranking_repeats: int = RANKING_REPEATS,
) -> Intervals:
    """Intervals of every metric of `search.scores.classes.metrics`, offsets and scores held fixed.

    Args:
        y: places of classes `(n,)`.
        rest: from `against_rest`, float32 `(n, K)`.
        decided: from `decide_classes`, `(n,)`.
        groups: the group of each row `(n,)`; rows are resampled one by one where it is None.
        seed: of the resamples.
        repeats: resamples of decisions.
        ranking_repeats: resamples of rankings and probabilities, which cost more.

    Returns:
        As `search.scores.bootstrap.intervals`: resamples where a metric is undefined are left out, and both
        ends are NaN if fewer than half are defined, or if there is only one group.
    """
    y, size = codes(y, rest), rest.shape[1]
    unit, units = units_of(groups, y)
    decision_rng, ranking_rng, probability_rng = np.random.default_rng(seed).spawn(3)
    counts = _resampled_counts(y, decided, size, groups is None, unit, units, repeats, decision_rng)
    values = {name: metric(counts) for name, metric in DECISION_METRICS.items()}
    each = {name: metric(counts) for name, metric in CLASS_METRICS.items()}
    positive = y[:, None] == np.arange(size)
    ranked = resampled_rankings(positive, rest, unit, units, ranking_repeats, ranking_rng)
    each |= ranked.each
    for name, (of_macro, of_weighted) in NAMES_OF_AREAS.items():
        values[of_macro] = macro(ranked.each[name])
        values[of_weighted] = weighted(ranked.each[name], ranked.rows)
    values |= _probabilities(y, rest, unit, units, ranking_repeats, probability_rng)
    return of_values(values, each, known=units > 1)


def of_values(values: dict[str, F64], each: dict[str, F64], *, known: bool) -> Intervals:
    """The intervals of resampled values `(repeats,)` and `(repeats, K)`; NaN where units are too few."""
    nothing = (float("nan"), float("nan"))
    return Intervals(
        {name: interval(of) if known else nothing for name, of in values.items()},
        {name: [interval(one) if known else nothing for one in of.T] for name, of in each.items()},
    )


def _resampled_counts(
    y: NDArray[np.intp],
    decided: NDArray[Any],
    size: int,
    by_row: bool,
    unit: NDArray[np.intp],
    units: int,
    repeats: int,
    rng: np.random.Generator,
) -> ClassCounts:
    if by_row:  # rows of one class and one decision are alike
        cells, times = np.unique(y * (size + 1) + decided + 1, return_counts=True)
        y, decided = cells // (size + 1), cells % (size + 1) - 1
        unit, units = np.arange(cells.size), cells.size
    known = decided != UNDECIDED
    right, of_decided, actual = (
        np.bincount(unit[rows] * size + column[rows], minlength=units * size).reshape(units, size)
        for rows, column in ((decided == y, y), (known, decided), (np.ones(y.size, np.bool_), y))
    )
    columns = np.hstack([right, of_decided, actual]).astype(np.float64)
    sums = (
        resampled_kinds(columns, times.astype(np.int64), repeats, rng)
        if by_row
        else resampled_counts(columns, repeats, rng)
    )
    return ClassCounts(*np.split(sums, 3, axis=1))


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
    positive: NDArray[np.bool_],
    scores: F32,
    unit: NDArray[np.intp],
    units: int,
    repeats: int,
    rng: np.random.Generator,
) -> Rankings:
    """Ranking metrics of the columns of `(n, K)` under the same resamples of the units."""
    state = rng.bit_generator.state
    areas = []
    for k, column in enumerate(np.ascontiguousarray(scores.T)):
        rng.bit_generator.state = state  # the same resamples for each of them
        areas.append(resampled_areas([*AREAS], positive[:, k], [column], unit, units, repeats, rng)[:, 0])
    rng.bit_generator.state = state
    of_units = sums_of(positive.astype(np.float64), unit, units)
    rows = np.concatenate([drawn @ of_units for drawn in resamples(units, unit.size, repeats, rng)])
    return Rankings({name: np.stack([one[k] for one in areas], axis=1) for k, name in enumerate(AREAS)}, rows)


def _probabilities(
    y: NDArray[np.intp],
    rest: F32,
    unit: NDArray[np.intp],
    units: int,
    repeats: int,
    rng: np.random.Generator,
) -> dict[str, F64]:
    size = rest.shape[1]
    losses = sums_of(np.column_stack([log_losses(y, rest), briers(y, rest), np.ones(y.size)]), unit, units)
    apart = calibration_gaps(y[:, None] == np.arange(size), rest, unit, units)
    sums = resampled_sums(np.hstack([losses, apart]), repeats, rng)
    return {
        "log_loss": ratio(sums[:, 0], sums[:, 2]),
        "brier": ratio(sums[:, 1], sums[:, 2]),
        "classwise_ece": ratio(np.abs(sums[:, 3:]).sum(axis=1) / size, sums[:, 2]),
    }


def calibration_gaps(positive: NDArray[np.bool_], scores: F32, unit: NDArray[np.intp], units: int) -> F64:
    """Sums of label less probability in each bin of each column, `(units, K * bins)`; see `metrics.ece`."""
    found = []
    for of, column in zip(positive.T, scores.T, strict=True):
        p = sigmoid(column)
        bins = np.maximum(np.ceil(p * BINS), 1).astype(np.intp)
        cell = unit * (BINS + 1) + bins
        found.append(np.bincount(cell, of - p, units * (BINS + 1)).reshape(units, BINS + 1))
    return np.hstack(found)
