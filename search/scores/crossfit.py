"""Cross-fitting: measures a trial on rows that its calibration and threshold were not fitted on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.calibration import CalibrationMethod
from search.scores.half_splits import Halves
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS, counts_at
from search.scores.ranking import positives
from search.scores.thresholds import NO_LIMITS, Limits, choose, curve
from spaces.errors import TrialError
from spaces.policies import Chosen

SCORE_METRICS = RANKING_METRICS | PROBABILITY_METRICS
"""Metrics that need no threshold."""


def cross_fit(
    y: NDArray[Any],
    raw: NDArray[np.float32],
    halves: Halves,
    calibrate: CalibrationMethod,
    policy: Chosen,
    metric: str,
    limits: Limits = NO_LIMITS,
) -> float:
    """Mean of a metric over both halves of every split, each measured after fitting on the other half.

    Args:
        y: 0/1 or bool `(n,)`.
        raw: finite raw scores, float32 `(n,)`.
        halves: from `draw_halves` of the same rows.
        calibrate: an entry of `CALIBRATIONS`, fitted anew on each half.
        policy: the threshold's rule, chosen anew on each half; a sampled threshold is a `Fixed`.
        metric: a name of METRICS, RANKING_METRICS or PROBABILITY_METRICS; the latter two use no threshold.
        limits: what the threshold must keep on the half it is chosen on.

    Returns:
        The mean over splits of the mean of both halves; NaN if the metric is undefined on any half, or the
        rule cannot be met on one.

    Raises:
        TrialError: a raw score is NaN or infinite.
    """
    if not np.isfinite(raw).all():
        raise TrialError(f"raw scores must be finite, but got {int((~np.isfinite(raw)).sum())} that are not")
    positive = positives(y, raw)

    def measured(fitted: NDArray[np.bool_]) -> float:
        score = calibrate(positive[fitted], raw[fitted]).calibration.apply(raw)
        if metric in SCORE_METRICS:
            return SCORE_METRICS[metric](positive[~fitted], score[~fitted])
        return half_value(positive, score, fitted, policy, metric, limits)

    return mean_over_halves(halves, measured)


def mean_over_halves(halves: Halves, measured: Callable[[NDArray[np.bool_]], float]) -> float:
    """Mean over splits of the mean of both halves; NaN if it is undefined on any of them.

    Args:
        halves: the half-splits.
        measured: from which rows something is fitted on, `(n,)`, to its value on the others.
    """
    values = []
    for half in halves.mask.T:
        for fitted in (half, ~half):
            values.append(measured(fitted))
            if np.isnan(values[-1]):
                return float("nan")
    return float(np.mean(values))


def half_value(
    positive: NDArray[np.bool_],
    score: NDArray[np.float32],
    fitted: NDArray[np.bool_],
    policy: Chosen,
    metric: str,
    limits: Limits = NO_LIMITS,
) -> float:
    """A metric of METRICS on one half after the threshold was chosen on the other, `fitted`; or NaN.

    Args:
        positive: labels `(n,)`.
        score: scores of all rows, calibrated on the fitted half, float32 `(n,)`.
        fitted: which rows those are, `(n,)`.
        policy, metric, limits: see `cross_fit`.
    """
    try:
        choice = choose(curve(positive[fitted], score[fitted]), policy, limits)
    except TrialError:  # the rule cannot be met on this half, so there is no threshold to measure
        return float("nan")
    return float(METRICS[metric](counts_at(positive[~fitted], score[~fitted], choice.threshold_score)))
