"""Metrics of K classes: of decisions, of rankings, of probabilities. An undefined metric is NaN, never 0.

Where scikit-learn warns and says 0 (the precision of a class that is never decided, the recall of a class
without rows), the class's metric is undefined here, and so is every mean over classes that it is part of.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.scores import metrics as of_two
from search.scores.metrics import F64
from search.scores.multiclass.decisions import F32, ClassCounts, classes_of, codes, winners
from search.scores.ranking import weights


def recall(c: ClassCounts) -> F64:
    """Share of a class's rows that are found, `(..., K)`; undefined without rows of it."""
    return of_two.ratio(c.right, c.actual)


def precision(c: ClassCounts) -> F64:
    """Share of the rows decided as a class that are of it, `(..., K)`; undefined where none are."""
    return of_two.ratio(c.right, c.decided)


def f1(c: ClassCounts) -> F64:
    """`2 right / (decided + actual)`, `(..., K)`; undefined where a class has neither."""
    return of_two.ratio(2 * c.right, c.decided + c.actual)


CLASS_METRICS: dict[str, Callable[[ClassCounts], F64]] = {"recall": recall, "precision": precision, "f1": f1}
"""Metrics of the decisions of each class, by name."""


def macro(values: F64, _actual: F64 | None = None) -> F64:
    """The mean over classes `(..., K)`; undefined where it is for one of them."""
    return np.asarray(values.mean(axis=-1))


def weighted(values: F64, actual: F64) -> F64:
    """The mean over classes weighted by their rows; classes without rows are left out."""
    return of_two.ratio(np.where(actual > 0, actual * values, 0.0).sum(axis=-1), actual.sum(axis=-1))


def pooled(c: ClassCounts) -> ClassCounts:
    """The counts of all classes as those of one."""
    return ClassCounts(*(of.sum(axis=-1, keepdims=True) for of in (c.right, c.decided, c.actual)))


def _macro_of(metric: Callable[[ClassCounts], F64]) -> Callable[[ClassCounts], F64]:
    return lambda c: macro(metric(c))


def _micro_of(metric: Callable[[ClassCounts], F64]) -> Callable[[ClassCounts], F64]:
    return lambda c: metric(pooled(c))[..., 0]


def _weighted_of(metric: Callable[[ClassCounts], F64]) -> Callable[[ClassCounts], F64]:
    return lambda c: weighted(metric(c), c.actual)


AVERAGED: dict[str, Callable[[ClassCounts], F64]] = {
    f"{average}_{name}": of(metric)
    for average, of in (("macro", _macro_of), ("micro", _micro_of), ("weighted", _weighted_of))
    for name, metric in CLASS_METRICS.items()
}
"""Means over classes (or labels), by scikit-learn's names of the averages."""


def accuracy(c: ClassCounts) -> F64:
    """Share of the rows that are decided rightly; undefined without rows."""
    return of_two.ratio(c.right.sum(axis=-1), c.actual.sum(axis=-1))


def mcc(c: ClassCounts) -> F64:
    """Correlation of classes and decisions (Gorodkin 2004); undefined where either is constant.

    Rows that are not decided count as decided to be of one more class, which has no rows.
    """
    rows, right = c.actual.sum(axis=-1), c.right.sum(axis=-1)
    undecided = rows - c.decided.sum(axis=-1)
    together = right * rows - (c.actual * c.decided).sum(axis=-1)
    decided = rows * rows - (c.decided * c.decided).sum(axis=-1) - undecided * undecided
    actual = rows * rows - (c.actual * c.actual).sum(axis=-1)
    return of_two.ratio(together, np.sqrt(decided * actual))


def coverage(c: ClassCounts) -> F64:
    """Share of the rows that are decided; undefined without rows."""
    return of_two.ratio(c.decided.sum(axis=-1), c.actual.sum(axis=-1))


DECISION_METRICS: dict[str, Callable[[ClassCounts], F64]] = {
    "accuracy": accuracy,
    "balanced_accuracy": AVERAGED["macro_recall"],
    "macro_f1": AVERAGED["macro_f1"],
    "macro_precision": AVERAGED["macro_precision"],
    "micro_f1": AVERAGED["micro_f1"],
    "weighted_f1": AVERAGED["weighted_f1"],
    "weighted_precision": AVERAGED["weighted_precision"],
    "mcc": mcc,
}
"""Metrics of decisions, by name; larger is better.

What has another name is left out: without undecided rows the micro averages are the accuracy, as is the
weighted recall, and the macro recall is the balanced accuracy.
"""


def against_rest(score: F32) -> F32:
    """The log-odds of each class against all others, of the softmax of the scores; float32 `(n, K)`.

    `score_k - log(sum of exp(score_j) over the others)`, in float64 without overflow. Its sigmoid is the
    probability of the class; classes are ranked by it. Of two classes it is the difference of the scores.
    """
    size, s = classes_of(score), score.T.astype(np.float64)
    if size == 2:
        return _float32(np.stack([s[0] - s[1], s[1] - s[0]]))
    top, place = winners(s)
    rows = np.arange(place.size)
    shares = np.exp(s - top)
    others = shares.sum(axis=0) - shares  # of every class but the largest: at least its 1, so nothing is lost
    others[place, rows] = 1.0
    found = s - top - np.log(others)
    s[place, rows] = -np.inf
    second = s.max(axis=0)
    found[place, rows] = top - second - np.log(np.exp(s - second).sum(axis=0))
    return _float32(found)


def _float32(found: F64) -> F32:
    largest = np.finfo(np.float32).max
    return np.ascontiguousarray(np.clip(found, -largest, largest).T, np.float32)


class ClassScoreMetric(Protocol):
    """A metric of places of classes `(n,)` and log-odds against the rest `(n, K)`."""

    def __call__(self, y: NDArray[Any], rest: F32, weight: F64 | None = None) -> float: ...


def each_class(metric: of_two.ScoreMetric, y: NDArray[Any], rest: F32, weight: F64 | None = None) -> F64:
    """A metric of each class against the rest, `(K,)`.

    Args:
        metric: of a positive and a negative class.
        y: places of classes `(n,)`.
        rest: from `against_rest`, `(n, K)`.
        weight: row weights `(n,)`.
    """
    y = codes(y, rest)
    columns = np.ascontiguousarray(rest.T)
    return np.array([metric(y == k, column, weight) for k, column in enumerate(columns)])


def rows_of(y: NDArray[Any], rest: F32, weight: F64 | None = None) -> F64:
    """The weight of the rows of each class, `(K,)`."""
    y = codes(y, rest)
    return np.bincount(y, None if weight is None else weights(weight, y), rest.shape[1]).astype(np.float64)


def _over_classes(metric: of_two.ScoreMetric, average: Callable[[F64, F64], F64]) -> ClassScoreMetric:
    def value(y: NDArray[Any], rest: F32, weight: F64 | None = None) -> float:
        return float(average(each_class(metric, y, rest, weight), rows_of(y, rest, weight)))

    return value


RANKING_METRICS: dict[str, ClassScoreMetric] = {
    "macro_average_precision": _over_classes(of_two.average_precision, macro),
    "weighted_average_precision": _over_classes(of_two.average_precision, weighted),
    "roc_auc_ovr_macro": _over_classes(of_two.roc_auc, macro),
    "roc_auc_ovr_weighted": _over_classes(of_two.roc_auc, weighted),
}
"""Metrics of the order of the rows, each class against the rest, by name; larger is better."""


def log_losses(y: NDArray[Any], rest: F32) -> F64:
    """-log(probability of the row's class) in nats, `(n,)`, from the log-odds: nothing is clipped."""
    y = codes(y, rest)
    return of_two.softplus(-rest[np.arange(y.size), y])


def briers(y: NDArray[Any], rest: F32) -> F64:
    """The squared distances of the probabilities from the label, summed over classes, `(n,)` (Brier 1950).

    In [0, 2]; of two classes half of it, which is the distance of the positive class alone, as scikit-learn
    has it.
    """
    y = codes(y, rest)
    apart = of_two.sigmoid(np.where(y[:, None] == np.arange(rest.shape[1]), -rest, rest))
    total = np.square(apart).sum(axis=1)
    return np.asarray(total / 2 if rest.shape[1] == 2 else total)


def log_loss(y: NDArray[Any], rest: F32, weight: F64 | None = None) -> float:
    """Mean of `log_losses`."""
    return _mean(log_losses(y, rest), weight)


def brier(y: NDArray[Any], rest: F32, weight: F64 | None = None) -> float:
    """Mean of `briers`."""
    return _mean(briers(y, rest), weight)


def _mean(values: F64, weight: F64 | None) -> float:
    weight = np.ones(values.shape) if weight is None else weights(weight, values)
    return float(of_two.ratio(weight @ values, weight.sum()))


PROBABILITY_METRICS: dict[str, ClassScoreMetric] = {
    "log_loss": log_loss,
    "brier": brier,
    "classwise_ece": _over_classes(of_two.ece, macro),
}
"""Metrics of the softmax of the scores as probabilities, by name; smaller is better.

`classwise_ece` is the mean over classes of each one's `metrics.ece` against the rest (Kull et al. 2019).
"""
