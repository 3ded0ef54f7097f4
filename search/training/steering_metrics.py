"""What steers training and the search: one number an epoch, the larger the better, of raw scores."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores import metrics as of_two
from search.scores.multiclass import metrics as of_classes
from search.scores.multilabel import metrics as of_labels
from search.scores.regression import NUMBER_METRICS, NumberMetric
from spaces.tasks import KINDS, Task, TaskName, sign_of

Steer = Callable[[NDArray[Any], NDArray[np.float32]], float]
"""Labels `(n, ...)` and raw scores `(n, ...)` of a task -> how good they are; NaN where undefined."""


def _against_rest(metric: of_classes.ClassScoreMetric) -> Steer:
    return lambda y, raw: metric(y, of_classes.against_rest(raw))


def _of_numbers(name: str, metric: NumberMetric) -> Steer:
    return lambda y, raw: sign_of(name) * metric(y, raw) if np.isfinite(raw).all() else float("nan")


_MEASURED: Mapping[TaskName, Mapping[str, Steer]] = MappingProxyType(
    {
        "binary": of_two.RANKING_METRICS,
        "classes": {name: _against_rest(metric) for name, metric in of_classes.RANKING_METRICS.items()},
        "labels": of_labels.RANKING_METRICS,
        "number": {name: _of_numbers(name, metric) for name, metric in NUMBER_METRICS.items()},
    }
)
STEERS: Mapping[TaskName, Mapping[str, Steer]] = MappingProxyType(
    {name: {one: _MEASURED[name][one] for one in kind.steering} for name, kind in KINDS.items()}
)
"""Every metric that may steer a task, by the name that a study gives it; it needs no fit."""


def steer_of(task: Task, metric: str) -> Steer:
    """Returns what steers a task by a metric of `Kind.steering`."""
    return STEERS[task.name][metric]
