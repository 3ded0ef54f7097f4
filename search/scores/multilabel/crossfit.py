"""Cross-fitting of K labels: a trial is measured on rows that nothing of it was fitted on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.bootstrap import sums_of
from search.scores.calibration import CalibrationMethod
from search.scores.crossfit import mean_over_halves
from search.scores.crossfit_sums import CrossfitSums, areas_held_out
from search.scores.half_splits import Halves
from search.scores.metrics import F64
from search.scores.multiclass.bootstrap import AVERAGED_AREAS
from search.scores.multiclass.metrics import macro
from search.scores.multilabel.bootstrap import POOLED_AREAS
from search.scores.multilabel.calibration import fit_labels
from search.scores.multilabel.metrics import (
    DECISION_METRICS,
    PROBABILITY_METRICS,
    RANKING_METRICS,
    counts_of,
    label_cells,
    label_counts,
)
from search.scores.multilabel.thresholds import F32, choose_labels
from search.scores.ranking import positives
from spaces.base import Label
from spaces.errors import TrialError
from spaces.policies import LabelRule

SCORE_METRICS = RANKING_METRICS | PROBABILITY_METRICS
"""Metrics that need no thresholds."""


def cross_fit(
    y: NDArray[Any],
    raw: F32,
    halves: Halves,
    calibrate: CalibrationMethod,
    rule: LabelRule,
    metric: str,
    names: Sequence[Label],
) -> float:
    """Mean of a metric over both halves of every split, each measured after fitting on the other half.

    Args:
        y: 0/1 or bool `(n, K)`.
        raw: finite raw scores, float32 `(n, K)`.
        halves: from `draw_halves_of` of the same rows.
        calibrate: an entry of CALIBRATIONS, fitted anew on each half, for each label by itself.
        rule: what the labels are decided by, chosen anew on each half.
        metric: a name of DECISION_METRICS, RANKING_METRICS or PROBABILITY_METRICS; the latter two use no
            thresholds.
        names: of the K labels.

    Returns:
        The mean over splits of the mean of both halves; NaN if the metric is undefined on any half, or the
        rule cannot be met on one.

    Raises:
        TrialError: a raw score is NaN or infinite.
    """
    positive = positives(y, raw)

    def measured(fitted: NDArray[np.bool_]) -> float:
        score = fit_labels(calibrate, positive[fitted], raw[fitted]).apply(raw)
        if metric in SCORE_METRICS:
            return SCORE_METRICS[metric](positive[~fitted], score[~fitted])
        return _decided(positive, score, fitted, rule, metric, names)

    return mean_over_halves(halves, measured)


def _decided(
    positive: NDArray[np.bool_],
    score: F32,
    fitted: NDArray[np.bool_],
    rule: LabelRule,
    metric: str,
    names: Sequence[Label],
) -> float:
    try:
        choice = choose_labels(positive[fitted], score[fitted], rule, names)
    except TrialError:  # the rule cannot be met on this half, so there is nothing to measure
        return float("nan")
    counts = counts_of(positive[~fitted], choice.decide(score[~fitted]))
    return float(DECISION_METRICS[metric](counts))


def held_out(
    y: NDArray[Any],
    raw: F32,
    halves: Halves,
    calibrate: CalibrationMethod,
    rule: LabelRule,
    metric: str,
    names: Sequence[Label],
    piece: NDArray[np.intp],
    pieces: int,
) -> CrossfitSums:
    """The trial as others are compared with it; see `CrossfitSums`.

    Args:
        y, raw, halves, calibrate, rule, names: see `cross_fit`.
        metric: a name of DECISION_METRICS or RANKING_METRICS.
        piece, pieces: which piece each row belongs to `(n,)`, and how many there are.

    Raises:
        TrialError: the rule cannot be met on a half, or a raw score is NaN or infinite.
    """
    positive = positives(y, raw)
    if metric in POOLED_AREAS:
        cells, scores = positive.reshape(-1, 1), raw.reshape(-1, 1)
        of_cell = piece.repeat(positive.shape[1])
        return areas_held_out(cells, scores, POOLED_AREAS[metric], macro, of_cell, pieces)
    if metric in AVERAGED_AREAS:
        return areas_held_out(positive, raw, *AVERAGED_AREAS[metric], piece, pieces)
    columns = []
    for half in halves.mask.T:
        decided = np.empty(positive.shape, np.bool_)
        for fitted in (half, ~half):
            score = fit_labels(calibrate, positive[fitted], raw[fitted]).apply(raw)
            choice = choose_labels(positive[fitted], score[fitted], rule, names)
            decided[~fitted] = choice.decide(score[~fitted])
        columns.append(sums_of(label_cells(positive, decided), piece, pieces))
    splits = len(columns)

    def of_sums(sums: F64) -> F64:
        counts = label_counts(sums.reshape(len(sums), splits, -1))
        return np.asarray(DECISION_METRICS[metric](counts).mean(axis=1))

    return CrossfitSums(np.hstack(columns), of_sums)
