"""Percentile bootstrap intervals of the metrics of K labels, over groups where they are known, else rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.bootstrap import (
    RANKING_REPEATS,
    REPEATS,
    resampled_areas,
    resampled_counts,
    resampled_sums,
    sums_of,
    units_of,
)
from search.scores.classes.bootstrap import Intervals, calibration_gaps, of_values, resampled_rankings
from search.scores.classes.metrics import CLASS_METRICS, macro, weighted
from search.scores.labels.metrics import DECISION_METRICS, label_cells, label_counts
from search.scores.labels.thresholds import F32, labels_of
from search.scores.metrics import AREAS, F64, ratio, sigmoid, softplus
from search.scores.ranking import positives

NAMES_OF_AREAS = {"average_precision": "{}_average_precision", "roc_auc": "roc_auc_ovr_{}"}


def intervals(
    y: NDArray[Any],
    score: F32,
    decided: NDArray[np.bool_],
    groups: NDArray[Any] | None,
    seed: int,
    repeats: int = REPEATS,
    ranking_repeats: int = RANKING_REPEATS,
) -> Intervals:
    """Intervals of every metric of `search.scores.labels.metrics`, thresholds and scores held fixed.

    Args:
        y: 0/1 or bool `(n, K)`.
        score: finite, float32 `(n, K)`.
        decided: which labels are decided, `(n, K)`.
        groups, seed, repeats, ranking_repeats: as in `search.scores.classes.bootstrap.intervals`.

    Returns:
        As there.
    """
    size, positive = labels_of(score), positives(y, score)
    unit, units = units_of(groups, score[:, 0])
    decision_rng, ranking_rng, probability_rng = np.random.default_rng(seed).spawn(3)
    cells = sums_of(label_cells(positive, decided), unit, units)
    counts = label_counts(resampled_counts(cells, repeats, decision_rng))
    values = {name: metric(counts) for name, metric in DECISION_METRICS.items()}
    each = {name: metric(counts.each) for name, metric in CLASS_METRICS.items()}
    state = ranking_rng.bit_generator.state
    ranked = resampled_rankings(positive, score, unit, units, ranking_repeats, ranking_rng)
    each |= ranked.each
    ranking_rng.bit_generator.state = state
    pooled = resampled_areas(
        [*AREAS], positive.ravel(), [score.ravel()], unit.repeat(size), units, ranking_repeats, ranking_rng
    )
    for k, (name, called) in enumerate(NAMES_OF_AREAS.items()):
        values[called.format("macro")] = macro(ranked.each[name])
        values[called.format("micro")] = pooled[k, 0]
        values[called.format("weighted")] = weighted(ranked.each[name], ranked.rows)
    values |= _probabilities(positive, score, unit, units, ranking_repeats, probability_rng)
    return of_values(values, each, known=units > 1)


def _probabilities(
    positive: NDArray[np.bool_],
    score: F32,
    unit: NDArray[np.intp],
    units: int,
    repeats: int,
    rng: np.random.Generator,
) -> dict[str, F64]:
    wrong = np.where(positive, -score, score)
    rows = np.column_stack(
        [softplus(wrong).mean(axis=1), np.square(sigmoid(wrong)).mean(axis=1), np.ones(len(score))]
    )
    apart = calibration_gaps(positive, score, unit, units)
    sums = resampled_sums(np.hstack([sums_of(rows, unit, units), apart]), repeats, rng)
    return {
        "log_loss": ratio(sums[:, 0], sums[:, 2]),
        "brier": ratio(sums[:, 1], sums[:, 2]),
        "classwise_ece": ratio(np.abs(sums[:, 3:]).sum(axis=1) / score.shape[1], sums[:, 2]),
    }
