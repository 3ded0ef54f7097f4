"""Percentile bootstrap intervals of the metrics of K labels, over groups where they are known, else rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.bootstrap import (
    PAIRED_REPEATS,
    RANKING_REPEATS,
    REPEATS,
    interval,
    resampled_areas,
    resampled_counts,
    resampled_sums,
    sums_of,
)
from search.scores.metrics import AREAS, F64, sigmoid, softplus
from search.scores.multiclass.bootstrap import (
    AVERAGED_AREAS,
    Intervals,
    Units,
    amounts_of,
    of_amounts,
    of_values,
    resampled_rankings,
    unknown,
)
from search.scores.multiclass.metrics import CLASS_METRICS
from search.scores.multilabel.metrics import (
    DECISION_METRICS,
    PROBABILITY_METRICS,
    RANKING_METRICS,
    counts_of,
    label_cells,
    label_counts,
)
from search.scores.multilabel.thresholds import F32, labels_of
from search.scores.ranking import positives

POOLED_AREAS = {"micro_average_precision": "average_precision", "roc_auc_ovr_micro": "roc_auc"}


@dataclass(frozen=True, eq=False)
class Predictions:
    """What is measured of a model on some rows: scores float32 `(n, K)` and what they are decided to be."""

    score: F32
    decided: NDArray[np.bool_]


def intervals(
    y: NDArray[Any],
    model: Predictions,
    groups: NDArray[Any] | None,
    seed: int,
    repeats: int = REPEATS,
    ranking_repeats: int = RANKING_REPEATS,
) -> Intervals:
    """Intervals of every metric of `search.scores.multilabel.metrics`, thresholds and scores held fixed.

    Args:
        y: 0/1 or bool `(n, K)`.
        model: what is measured.
        groups, seed, repeats, ranking_repeats: as in `search.scores.multiclass.bootstrap.intervals`.

    Returns:
        As there.
    """
    positive = positives(y, model.score)
    units = Units.of(groups, model.score[:, 0])
    if units.number < 2:
        return unknown((*DECISION_METRICS, *RANKING_METRICS, *PROBABILITY_METRICS), labels_of(model.score))
    decision_rng, ranking_rng, probability_rng = np.random.default_rng(seed).spawn(3)
    cells = sums_of(label_cells(positive, model.decided), units.unit, units.number)
    counts = label_counts(resampled_counts(cells, repeats, decision_rng))
    values = {name: metric(counts) for name, metric in DECISION_METRICS.items()}
    each = {name: metric(counts.each) for name, metric in CLASS_METRICS.items()}
    state = ranking_rng.bit_generator.state
    ranked = resampled_rankings(positive, model.score, units, ranking_repeats, ranking_rng)
    each |= ranked.each
    for name, (area, average) in AVERAGED_AREAS.items():
        values[name] = average(ranked.each[area], ranked.rows)
    ranking_rng.bit_generator.state = state
    pooled = _pooled_areas(positive, model.score, units, ranking_repeats, ranking_rng)
    values |= {name: pooled[area] for name, area in POOLED_AREAS.items()}
    sums = resampled_sums(_amounts(positive, model.score, units), ranking_repeats, probability_rng)
    values |= of_amounts(sums, labels_of(model.score))
    return of_values(values, each)


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
        y: 0/1 or bool `(n, K)`.
        a, b: what is compared.
        groups, seed, repeats: see `search.scores.multiclass.bootstrap.paired_difference`.
        metric: a name of DECISION_METRICS, RANKING_METRICS or PROBABILITY_METRICS.

    Returns:
        As there.
    """
    positive = positives(y, a.score)
    one, other = (_value(metric, positives(y, of.score), of) for of in (a, b))
    units = Units.of(groups, a.score[:, 0])
    if units.number < 2:
        return one - other, float("nan"), float("nan")
    drawn = _resampled(metric, positive, (a, b), units, repeats, np.random.default_rng(seed))
    low, high = interval(drawn[0] - drawn[1])
    return one - other, low, high


def _value(metric: str, positive: NDArray[np.bool_], model: Predictions) -> float:
    if metric in DECISION_METRICS:
        return float(DECISION_METRICS[metric](counts_of(positive, model.decided)))
    return (RANKING_METRICS | PROBABILITY_METRICS)[metric](positive, model.score)


def _resampled(
    metric: str,
    positive: NDArray[np.bool_],
    models: Sequence[Predictions],
    units: Units,
    repeats: int,
    rng: np.random.Generator,
) -> list[F64]:
    """A metric of each model `(repeats,)`, under the same resamples."""
    if metric in DECISION_METRICS:
        cells = np.hstack([label_cells(positive, of.decided) for of in models])
        sums = resampled_counts(sums_of(cells, units.unit, units.number), repeats, rng)
        return [DECISION_METRICS[metric](label_counts(of)) for of in np.split(sums, len(models), axis=1)]
    if metric in PROBABILITY_METRICS:
        sums = resampled_sums(np.hstack([_amounts(positive, of.score, units) for of in models]), repeats, rng)
        size = positive.shape[1]
        return [of_amounts(of, size)[metric] for of in np.split(sums, len(models), axis=1)]
    state, found = rng.bit_generator.state, []
    for of in models:
        rng.bit_generator.state = state  # the same resamples for each of them
        if metric in POOLED_AREAS:
            pooled = _pooled_areas(positive, of.score, units, repeats, rng)
            found.append(pooled[POOLED_AREAS[metric]])
        else:
            area, average = AVERAGED_AREAS[metric]
            ranked = resampled_rankings(positive, of.score, units, repeats, rng)
            found.append(average(ranked.each[area], ranked.rows))
    return found


def _pooled_areas(
    positive: NDArray[np.bool_], score: F32, units: Units, repeats: int, rng: np.random.Generator
) -> dict[str, F64]:
    """The ranking metrics of all cells as one column, `(repeats,)` each."""
    cells = units.unit.repeat(positive.shape[1])
    drawn = resampled_areas([*AREAS], positive.ravel(), [score.ravel()], cells, units.number, repeats, rng)
    return {name: drawn[k, 0] for k, name in enumerate(AREAS)}


def _amounts(positive: NDArray[np.bool_], score: F32, units: Units) -> F64:
    wrong = np.where(positive, -score, score)
    losses, distances = softplus(wrong).mean(axis=1), np.square(sigmoid(wrong)).mean(axis=1)
    return amounts_of(positive, score, losses, distances, units)
