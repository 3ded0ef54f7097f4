"""Metrics of K labels: of decisions, of rankings, of probabilities. An undefined metric is NaN, never 0."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores import metrics as of_two
from search.scores.metrics import F64, ScoreMetric
from search.scores.multiclass.decisions import ClassCounts
from search.scores.multiclass.metrics import AVERAGED, macro, weighted
from search.scores.multilabel.thresholds import F32, labels_of
from search.scores.ranking import positives, weights


@dataclass(frozen=True, eq=False)
class LabelCounts:
    """Weighted counts of decisions of K labels.

    Args:
        each: by label, float64 `(..., K)`; `right` are the rows that have a label and are decided to.
        exact: the rows that are decided rightly in all labels, `(...)`.
        rows: all rows, `(...)`.
    """

    each: ClassCounts
    exact: F64
    rows: F64


def label_cells(y: NDArray[Any], decided: NDArray[np.bool_]) -> F64:
    """What each row adds to the counts, `(n, 3 K + 2)`; see `label_counts`."""
    positive = positives(y, decided)
    right = positive == decided
    return np.column_stack(
        [positive & decided, decided, positive, right.all(axis=1), np.ones(len(positive))]
    ).astype(np.float64)


def label_counts(cells: F64) -> LabelCounts:
    """The counts from sums of rows of `label_cells`, `(..., 3 K + 2)`."""
    right, decided, actual = np.split(cells[..., :-2], 3, axis=-1)
    return LabelCounts(ClassCounts(right, decided, actual), cells[..., -2], cells[..., -1])


def counts_of(y: NDArray[Any], decided: NDArray[np.bool_], weight: F64 | None = None) -> LabelCounts:
    """Counts of decisions `(n, K)` against labels `(n, K)`, with row weights `(n,)`."""
    cells = label_cells(y, decided)
    weight = np.ones(len(cells)) if weight is None else weights(weight, cells[:, 0])
    return label_counts(weight @ cells)


def subset_accuracy(c: LabelCounts) -> F64:
    """Share of the rows that are decided rightly in all labels."""
    return of_two.ratio(c.exact, c.rows)


def hamming_loss(c: LabelCounts) -> F64:
    """Share of the cells of the matrix that are decided wrongly."""
    wrong = (c.each.decided + c.each.actual - 2 * c.each.right).sum(axis=-1)
    return of_two.ratio(wrong, c.rows * c.each.right.shape[-1])


def _of_each(metric: Callable[[ClassCounts], F64]) -> Callable[[LabelCounts], F64]:
    return lambda c: metric(c.each)


DECISION_METRICS: dict[str, Callable[[LabelCounts], F64]] = {
    **{name: _of_each(metric) for name, metric in AVERAGED.items()},
    "subset_accuracy": subset_accuracy,
    "hamming_loss": hamming_loss,
}
"""Metrics of decisions, by name; larger is better, but for `hamming_loss`."""


def each_label(metric: ScoreMetric, y: NDArray[Any], score: F32, weight: F64 | None = None) -> F64:
    """A metric of each label by itself, `(K,)`.

    Args:
        metric: of labels `(n,)` and scores `(n,)`.
        y: 0/1 or bool `(n, K)`.
        score: float32 `(n, K)`.
        weight: row weights `(n,)`.
    """
    labels_of(score)
    positive = positives(y, score)
    columns = np.ascontiguousarray(score.T)
    return np.array([metric(of, column, weight) for of, column in zip(positive.T, columns, strict=True)])


def rows_of(y: NDArray[Any], score: F32, weight: F64 | None = None) -> F64:
    """The weight of the rows that have each label, `(K,)`."""
    positive = positives(y, score)
    weight = np.ones(len(positive)) if weight is None else weights(weight, score[:, 0])
    return np.asarray(weight @ positive)


def _over_labels(metric: ScoreMetric, average: Callable[[F64, F64], F64]) -> ScoreMetric:
    def value(y: NDArray[Any], score: F32, weight: F64 | None = None) -> float:
        return float(average(each_label(metric, y, score, weight), rows_of(y, score, weight)))

    return value


def _over_cells(metric: ScoreMetric) -> ScoreMetric:
    def value(y: NDArray[Any], score: F32, weight: F64 | None = None) -> float:
        size = labels_of(score)
        cells = None if weight is None else weights(weight, score[:, 0]).repeat(size)
        return metric(positives(y, score).ravel(), score.ravel(), cells)

    return value


RANKING_METRICS: dict[str, ScoreMetric] = {
    "macro_average_precision": _over_labels(of_two.average_precision, macro),
    "micro_average_precision": _over_cells(of_two.average_precision),
    "weighted_average_precision": _over_labels(of_two.average_precision, weighted),
    "roc_auc_ovr_macro": _over_labels(of_two.roc_auc, macro),
    "roc_auc_ovr_micro": _over_cells(of_two.roc_auc),
    "roc_auc_ovr_weighted": _over_labels(of_two.roc_auc, weighted),
}
"""Metrics of the order of the rows in each label, by name; micro: of all cells as one. Larger is better."""

PROBABILITY_METRICS: dict[str, ScoreMetric] = {
    "log_loss": _over_labels(of_two.log_loss, macro),
    "brier": _over_labels(of_two.brier, macro),
    "classwise_ece": _over_labels(of_two.ece, macro),
}
"""Means over labels of the metrics of sigmoid(score) as the probability of a label; smaller is better."""
