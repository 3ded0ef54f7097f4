"""Decisions, confusion counts and metrics. An undefined metric is NaN, never 0."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.scores.ranking import float32_scores, positives, ranked, weights

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Counts:
    """Weighted confusion counts, float64 arrays of one common shape (or shapes that broadcast)."""

    tp: F64
    fp: F64
    tn: F64
    fn: F64

    def at(self, which: Any) -> "Counts":
        """The counts at some places of the shape: a number, or an index array."""
        return Counts(self.tp[which], self.fp[which], self.tn[which], self.fn[which])


class ScoreMetric(Protocol):
    """A metric of labels `(n,)` and scores `(n,)`, with no threshold in it."""

    def __call__(self, y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float: ...


def decide(score: NDArray[np.float32], threshold_score: float) -> NDArray[np.bool_]:
    """The one function that turns a score into a label: `score >= threshold_score`, in float32.

    Args:
        score: float32, any shape.
        threshold_score: on the scale of the scores; infinities allowed.

    Raises:
        TypeError: scores that are not float32.
        ValueError: a threshold that is NaN.
    """
    if math.isnan(threshold_score):
        raise ValueError("threshold_score must be a number, but got nan")
    return np.asarray(float32_scores(score) >= np.float32(threshold_score))


def counts_at(
    y: NDArray[Any], score: NDArray[np.float32], threshold_score: float, weight: F64 | None = None
) -> Counts:
    """Confusion counts of the decisions at one threshold, each of shape `()`.

    Args:
        y: 0/1 or bool `(n,)`.
        score: float32 `(n,)`.
        threshold_score: see `decide`.
        weight: row weights `(n,)`; 1 each if left out.
    """
    decided = decide(score, threshold_score)
    positive = positives(y, score)
    cells = (positive & decided, ~positive & decided, ~positive & ~decided, positive & ~decided)
    if weight is None:
        return Counts(*(np.asarray(np.count_nonzero(cell), np.float64) for cell in cells))
    weight = weights(weight, score)
    return Counts(*(np.asarray(weight[cell].sum(), np.float64) for cell in cells))


def ratio(part: F64, whole: F64) -> F64:
    """`part / whole`; every part is 0 wherever its whole is, so undefined is 0/0, NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.divide(part, whole))


def sensitivity(c: Counts) -> F64:
    """Share of the positives that are found; undefined without positives."""
    return ratio(c.tp, c.tp + c.fn)


def specificity(c: Counts) -> F64:
    """Share of the negatives that are left alone; undefined without negatives."""
    return ratio(c.tn, c.tn + c.fp)


def precision(c: Counts) -> F64:
    """Share of the detections that are right; undefined without detections."""
    return ratio(c.tp, c.tp + c.fp)


def f_beta(c: Counts, beta: float) -> F64:
    """F-beta (van Rijsbergen 1979), as `(1 + b^2) tp / ((tp + fp) + b^2 (tp + fn))`.

    Undefined only where there are neither positives nor detections.
    """
    square = beta * beta
    return ratio((1 + square) * c.tp, (c.tp + c.fp) + square * (c.tp + c.fn))


def f1(c: Counts) -> F64:
    """`2 tp / (2 tp + fp + fn)`."""
    return f_beta(c, 1.0)


def balanced_accuracy(c: Counts) -> F64:
    """Mean of sensitivity and specificity; undefined where either is."""
    return (sensitivity(c) + specificity(c)) / 2


def accuracy(c: Counts) -> F64:
    """Share of the decisions that are right; undefined without rows."""
    return ratio(c.tp + c.tn, c.tp + c.fp + c.tn + c.fn)


def mcc(c: Counts) -> F64:
    """Correlation of labels and decisions (Matthews 1975); undefined where either is constant."""
    detected = (c.tp + c.fp) * (c.tn + c.fn)
    labelled = (c.tp + c.fn) * (c.tn + c.fp)
    # One root: of a square it is exact, so that decisions without an error have 1, and none have more.
    return ratio(c.tp * c.tn - c.fp * c.fn, np.sqrt(detected * labelled))


METRICS: dict[str, Callable[[Counts], F64]] = {
    "sensitivity": sensitivity,
    "specificity": specificity,
    "precision": precision,
    "f1": f1,
    "balanced_accuracy": balanced_accuracy,
    "accuracy": accuracy,
    "mcc": mcc,
}
"""Metrics of decisions, by name; larger is better."""


def area_under_precision(tp: F64, fp: F64) -> F64:
    """Average precision from counts at ascending cuts, `(..., m + 1)`, the last cut above every score."""
    found = tp[..., :-1] - tp[..., 1:]
    with np.errstate(invalid="ignore"):  # 0/0 where a resample left no row above a cut: it adds nothing
        steps = np.where(found > 0, found * (tp[..., :-1] / (tp[..., :-1] + fp[..., :-1])), 0.0)
    return ratio(steps.sum(axis=-1), tp[..., 0])


def area_under_roc(tp: F64, fp: F64) -> F64:
    """Area under the ROC curve, by trapezoids, from counts at ascending cuts, `(..., m + 1)`."""
    area = ((fp[..., :-1] - fp[..., 1:]) * (tp[..., :-1] + tp[..., 1:])).sum(axis=-1) / 2
    return ratio(area, tp[..., 0] * fp[..., 0])


AREAS: dict[str, Callable[[F64, F64], F64]] = {
    "average_precision": area_under_precision,
    "roc_auc": area_under_roc,
}
"""Ranking metrics as functions of the counts of detections at every cut; larger is better."""


def _area(name: str, y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None) -> float:
    rows = ranked(score)
    positive = positives(y, score)[rows.order]
    amounts = np.ones(score.size) if weight is None else weights(weight, score)[rows.order]
    fn, tn = rows.below(amounts * positive), rows.below(amounts * ~positive)
    return float(AREAS[name](fn[-1] - fn, tn[-1] - tn))


def average_precision(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """Sum of precision times the recall gained, over descending distinct scores; NaN without positives."""
    return _area("average_precision", y, score, weight)


def roc_auc(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """Chance that a positive scores above a negative, ties counting half; NaN if either class is missing."""
    return _area("roc_auc", y, score, weight)


RANKING_METRICS: dict[str, ScoreMetric] = {"average_precision": average_precision, "roc_auc": roc_auc}
"""Metrics of the order of the scores, by name; larger is better."""


def sigmoid(score: NDArray[Any] | float) -> F64:
    """`1 / (1 + exp(-score))` in float64, without overflow; 0 and 1 at the infinities."""
    score = np.asarray(score, np.float64)
    small = np.exp(-np.abs(score))
    return np.asarray(np.where(score >= 0, 1.0, small) / (1 + small))


def softplus(score: NDArray[Any] | float) -> F64:
    """`log(1 + exp(score))` in float64, without overflow."""
    score = np.asarray(score, np.float64)
    return np.asarray(np.maximum(score, 0) + np.log1p(np.exp(-np.abs(score))))


def _mean_loss(loss: F64, weight: F64 | None) -> float:
    """Weighted mean; NaN if nothing is weighed."""
    weight = np.ones(loss.shape) if weight is None else weights(weight, loss)
    return float(ratio((weight * loss).sum(), weight.sum()))


def brier(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """Mean squared distance of sigmoid(score) from the label (Brier 1950)."""
    wrong = np.where(positives(y, score), -score, score)  # log-odds of the label that was not given
    return _mean_loss(np.square(sigmoid(wrong)), weight)


def log_loss(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """Mean of -log(probability of the label), in nats, from the score: nothing is clipped."""
    return _mean_loss(softplus(np.where(positives(y, score), -score, score)), weight)


BINS = 15
"""Of the calibration error, as in Guo et al."""


def ece(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> float:
    """Expected calibration error of the positive class (Naeini 2015; Guo et al. 2017), in [0, 1].

    The probability p = sigmoid(score) falls into one of 15 equally wide bins, `(k - 1) / 15 < p <= k / 15`
    (p = 0 into the first). The sum over bins of the bin's share of the weight, times the distance between
    the share of positives in it and its mean p, both weighted; an empty bin adds nothing. Guo et al. bin the
    confidence in the winning class; for a decision with a threshold of its own, p itself is the claim.
    """
    p, positive = sigmoid(score), positives(y, score)
    weight = np.ones(p.shape) if weight is None else weights(weight, p)
    bins = np.maximum(np.ceil(p * BINS), 1).astype(np.intp)
    apart = np.bincount(bins, weight * (positive - p), minlength=BINS + 1)
    return float(ratio(np.abs(apart).sum(), weight.sum()))


PROBABILITY_METRICS: dict[str, ScoreMetric] = {"brier": brier, "log_loss": log_loss, "ece": ece}
"""Metrics of sigmoid(score) as a probability, by name; smaller is better."""
