"""Cross-fitting of K labels: a trial is measured on rows that nothing of it was fitted on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.calibration import CalibrationMethod
from search.scores.crossfit import Halves
from search.scores.labels.calibration import fit_labels
from search.scores.labels.metrics import DECISION_METRICS, PROBABILITY_METRICS, RANKING_METRICS, counts_of
from search.scores.labels.thresholds import F32, choose_labels
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
    values = []
    for half in halves.mask.T:
        for fitted in (half, ~half):
            score = fit_labels(calibrate, positive[fitted], raw[fitted]).apply(raw)
            if metric in SCORE_METRICS:
                value = SCORE_METRICS[metric](positive[~fitted], score[~fitted])
            else:
                value = _decided(positive, score, fitted, rule, metric, names)
            if np.isnan(value):
                return float("nan")
            values.append(value)
    return float(np.mean(values))


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
