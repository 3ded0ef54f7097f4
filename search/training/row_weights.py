"""How much each row, or each label of each row, weighs in training."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.tasks import BINARY, Task, TaskName

Weights = Callable[[NDArray[Any], Task], NDArray[np.float32]]


def row_weights(y: NDArray[Any], class_weight: str, task: Task = BINARY) -> NDArray[np.float32]:
    """Returns weights of the shape of the labels.

    Args:
        y: labels `(n,)`, or `(n, K)` of a task of labels.
        class_weight: `none`: all 1. `balanced`, of mean 1: all classes have the same total, and of each label
            both sides have. `pos_weight`: of each label those that have it weigh as much as the others, which
            weigh 1 each.
        task: what is asked.
    """
    if class_weight == "none":
        return np.ones(y.shape, np.float32)
    return _WEIGHTS[task.name, class_weight](y, task)


def class_weights(y: NDArray[Any], class_weight: str, classes: int = 2) -> NDArray[np.float32]:
    """Returns the weight of a row of each class, `(classes,)`, of `none` or `balanced`: see `row_weights`."""
    if class_weight == "none":
        return np.ones(classes, np.float32)
    return (len(y) / (classes * np.bincount(y, minlength=classes))).astype(np.float32)


def _balanced_classes(y: NDArray[Any], task: Task) -> NDArray[np.float32]:
    return np.asarray(class_weights(y, "balanced", max(2, task.size))[y])


def _balanced_labels(y: NDArray[Any], task: Task) -> NDArray[np.float32]:
    having = y.sum(axis=0, dtype=np.int64)
    of_labels = np.where(y == 1, len(y) / (2 * having), len(y) / (2 * (len(y) - having)))
    return np.asarray(of_labels.astype(np.float32))


def _positive_labels(y: NDArray[Any], task: Task) -> NDArray[np.float32]:
    having = y.sum(axis=0, dtype=np.int64)
    return np.asarray(np.where(y == 1, (len(y) - having) / having, 1.0).astype(np.float32))


_WEIGHTS: Mapping[tuple[TaskName, str], Weights] = {
    ("binary", "balanced"): _balanced_classes,
    ("classes", "balanced"): _balanced_classes,
    ("labels", "balanced"): _balanced_labels,
    ("labels", "pos_weight"): _positive_labels,
}
