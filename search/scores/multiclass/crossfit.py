"""Cross-fitting of K classes: a trial is measured on rows that nothing of it was fitted on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.calibration import CalibrationMethod
from search.scores.crossfit import mean_over_halves
from search.scores.crossfit_sums import CrossfitSums, areas_held_out
from search.scores.half_splits import Halves
from search.scores.metrics import F64
from search.scores.multiclass.bootstrap import AVERAGED_AREAS, cells_of
from search.scores.multiclass.decisions import F32, ClassCounts, class_counts, codes, confusion
from search.scores.multiclass.metrics import (
    DECISION_METRICS,
    PROBABILITY_METRICS,
    RANKING_METRICS,
    against_rest,
)
from search.scores.multiclass.offsets import choose_offsets
from spaces.base import Label
from spaces.errors import TrialError
from spaces.policies import ClassRule

SCORE_METRICS = RANKING_METRICS | PROBABILITY_METRICS
"""Metrics that need no offsets."""


def cross_fit(
    y: NDArray[Any],
    raw: F32,
    halves: Halves,
    calibrate: CalibrationMethod,
    rule: ClassRule,
    metric: str,
    classes: Sequence[Label],
) -> float:
    """Mean of a metric over both halves of every split, each measured after fitting on the other half.

    Args:
        y: places of classes `(n,)`.
        raw: finite raw scores, float32 `(n, K)`.
        halves: from `draw_halves_of` of the same rows.
        calibrate: an entry of CALIBRATIONS, fitted anew on each half.
        rule: the rule of the offsets, chosen anew on each half.
        metric: a name of DECISION_METRICS, RANKING_METRICS or PROBABILITY_METRICS; the latter two use no
            offsets.
        classes: the label values of the K classes, in order.

    Returns:
        The mean over splits of the mean of both halves; NaN if the metric is undefined on any half, or the
        rule cannot be met on one.

    Raises:
        TrialError: a raw score is NaN or infinite.
        RunError: the rule names a class that is none, or has costs of another number of classes.
    """
    y = codes(y, raw)
    if not np.isfinite(raw).all():
        raise TrialError(f"raw scores must be finite, but got {int((~np.isfinite(raw)).sum())} that are not")

    def measured(fitted: NDArray[np.bool_]) -> float:
        score = calibrate(y[fitted], raw[fitted]).calibration.apply(raw)
        if metric in SCORE_METRICS:
            return SCORE_METRICS[metric](y[~fitted], against_rest(score[~fitted]))
        return _decided(y, score, fitted, rule, metric, classes)

    return mean_over_halves(halves, measured)


def _decided(
    y: NDArray[np.intp],
    score: F32,
    fitted: NDArray[np.bool_],
    rule: ClassRule,
    metric: str,
    classes: Sequence[Label],
) -> float:
    try:
        choice = choose_offsets(y[fitted], score[fitted], rule, classes)
    except TrialError:  # the rule cannot be met on this half, so there are no offsets to measure
        return float("nan")
    matrix = confusion(y[~fitted], choice.decide(score[~fitted]), len(classes))
    return float(DECISION_METRICS[metric](class_counts(matrix)))


def held_out(
    y: NDArray[Any],
    raw: F32,
    halves: Halves,
    calibrate: CalibrationMethod,
    rule: ClassRule,
    metric: str,
    classes: Sequence[Label],
    piece: NDArray[np.intp],
    pieces: int,
) -> CrossfitSums:
    """The trial as others are compared with it; see `CrossfitSums`.

    Args:
        y, raw, halves, calibrate, rule, classes: see `cross_fit`.
        metric: a name of DECISION_METRICS, or of RANKING_METRICS: the order is that of the calibration of all
            rows.
        piece, pieces: which piece each row belongs to `(n,)`, and how many there are.

    Raises:
        TrialError: the rule cannot be met on a half, or a raw score is NaN or infinite.
    """
    y, size = codes(y, raw), len(classes)
    if metric in RANKING_METRICS:
        rest = against_rest(calibrate(y, raw).calibration.apply(raw))
        return areas_held_out(y[:, None] == np.arange(size), rest, *AVERAGED_AREAS[metric], piece, pieces)
    columns = []
    for half in halves.mask.T:
        decided = np.empty(y.size, np.int16)
        for fitted in (half, ~half):
            score = calibrate(y[fitted], raw[fitted]).calibration.apply(raw)
            choice = choose_offsets(y[fitted], score[fitted], rule, classes)
            decided[~fitted] = choice.decide(score[~fitted])
        columns.append(cells_of(y, decided, size, piece, pieces))

    def of_sums(sums: F64) -> F64:
        counts = np.split(sums.reshape(len(sums), -1, 3 * size), 3, axis=2)
        return np.asarray(DECISION_METRICS[metric](ClassCounts(*counts)).mean(axis=1))

    return CrossfitSums(np.hstack(columns), of_sums)
