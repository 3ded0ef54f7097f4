"""What steers training and the search: one number an epoch, higher is better, of scores of any task."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import RANKING_METRICS, ScoreMetric

Steering = Callable[[NDArray[Any], NDArray[np.float32]], float]


def _of_columns(metric: ScoreMetric) -> Steering:
    """The mean over classes, each against the rest, or over labels: those that are defined on the rows."""

    def macro(y: NDArray[Any], score: NDArray[np.float32]) -> float:
        each = y if y.ndim == 2 else (y[:, None] == np.arange(score.shape[1])).astype(np.int8)
        found = [metric(each[:, k], np.ascontiguousarray(score[:, k])) for k in range(score.shape[1])]
        defined = [value for value in found if not np.isnan(value)]
        return float(np.mean(defined)) if defined else float("nan")

    return macro


def _minus_rmse(y: NDArray[Any], score: NDArray[np.float32]) -> float:
    return -float(np.sqrt(np.mean(np.square(score.astype(np.float64) - y))))


def _minus_mae(y: NDArray[Any], score: NDArray[np.float32]) -> float:
    return -float(np.mean(np.abs(score.astype(np.float64) - y)))


STEERING: Mapping[str, Steering] = MappingProxyType(
    {
        **RANKING_METRICS,
        "macro_average_precision": _of_columns(RANKING_METRICS["average_precision"]),
        "roc_auc_ovr_macro": _of_columns(RANKING_METRICS["roc_auc"]),
        "rmse": _minus_rmse,
        "mae": _minus_mae,
    }
)
"""Every metric that may steer, by the name that a study gives it."""
