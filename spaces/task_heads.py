"""The heads of every task: rows of one table, made for a task of a size.

`head` is how a head is found by its name and its task; binary ones are those of `spaces.heads`.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.errors import RunError
from spaces.heads import HEADS, Head
from spaces.losses import Array, Columns, losses_of
from spaces.tasks import BINARY, Task, TaskName


def _total(z: Any, columns: int) -> Any:
    """The sum of the columns, `(n, 1)`, halved again and again: few steps in a graph, and little is lost."""
    left = None
    while columns > 1:
        half = columns // 2
        if columns % 2:
            last = z[:, columns - 1 : columns]
            left = last if left is None else left + last
        z, columns = z[:, :half] + z[:, half : 2 * half], half
    return z if left is None else z + left


def _centred(size: int) -> Callable[[Any], Any]:
    def decode(z: Any) -> Any:
        # The mean over j of z_k - z_j. From the first column on, so that of two columns it is half of their
        # difference to the last bit.
        apart = z - z[:, :1]
        return apart - _total(apart, size) / size

    return decode


def _mean_of_differences(z: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = z.astype(np.float64)
    return np.asarray((wide - wide.mean(axis=1, keepdims=True))[:, None, :])


def _as_they_are(z: Any) -> Any:
    return z


def _one_vote(z: NDArray[np.float32]) -> NDArray[np.float32]:
    return z[:, None, :]


def _one_hot(size: int) -> Callable[[NDArray[np.generic]], NDArray[np.float32]]:
    return lambda y: np.eye(size, dtype=np.float32)[y.astype(np.int64)]


def _codes(size: int) -> Callable[[NDArray[np.generic], Array], tuple[Array, Array]]:
    return lambda y, votes: ((y[:, None, None] == np.arange(size)).astype(np.float64), votes)


def _classes(
    name: str, columns: Columns, *, centred: bool, probabilistic: bool = True
) -> Callable[[Task], Head]:
    def of(task: Task) -> Head:
        return Head(
            name=name,
            logits=task.size,
            columns=columns,
            losses=tuple(losses_of(columns)),
            encode=_one_hot(task.size),
            votes=_mean_of_differences if centred else _one_vote,
            decode=_centred(task.size) if centred else _as_they_are,
            compared=_codes(task.size),
            probabilistic=probabilistic,
            task=task,
        )

    return of


def _sigmoids(task: Task) -> Head:
    return Head(
        name="sigmoids",
        logits=task.size,
        columns="independent",
        losses=tuple(losses_of("independent")),
        encode=lambda y: y.astype(np.float32),
        votes=_one_vote,
        decode=_as_they_are,
        compared=lambda y, votes: (y.astype(np.float64)[:, None, :], votes),
        probabilistic=True,
        task=task,
    )


def _linear(task: Task) -> Head:
    location, scale = task.location, task.scale

    def compared(y: NDArray[np.generic], votes: Array) -> tuple[Array, Array]:
        wide = y.astype(np.float64)[:, None]
        return (wide - location) / scale, (votes - location) / scale

    return Head(
        name="linear",
        logits=1,
        columns="standardised",
        losses=tuple(losses_of("standardised")),
        encode=lambda y: ((y.astype(np.float64) - location) / scale).astype(np.float32)[:, None],
        votes=lambda z: z.astype(np.float64) * scale + location,
        decode=lambda z: z[:, 0] * scale + location,
        compared=compared,
        probabilistic=False,
        task=task,
    )


def _plain(found: Head) -> Callable[[Task], Head]:
    return lambda task: found


_TABLE: Mapping[TaskName, Mapping[str, Callable[[Task], Head]]] = {
    "binary": {name: _plain(found) for name, found in HEADS.items()},
    "classes": {
        "softmax": _classes("softmax", "exclusive", centred=True),
        # Each column alone estimates a probability; together they do not sum to one.
        "one_vs_rest": _classes("one_vs_rest", "one_vs_rest", centred=False, probabilistic=False),
        # Its loss knows differences alone: what all margins of a row share is arbitrary.
        "margin": _classes("margin", "margins", centred=True, probabilistic=False),
    },
    "labels": {"sigmoids": _sigmoids},
    "number": {"linear": _linear},
}
SMALLEST: Mapping[TaskName, Task] = {
    "binary": BINARY,
    "classes": Task(name="classes", size=2),
    "labels": Task(name="labels", size=2),
    "number": Task(name="number"),
}
"""A task of each kind, for what does not depend on its size."""


@lru_cache(maxsize=256)
def head(name: str, task: Task = BINARY) -> Head:
    """Returns a head of a task by its name.

    Raises:
        RunError: the task has no such head.
    """
    found = _TABLE[task.name].get(name)
    if found is None:
        raise RunError(f"heads of task {task.name} are {', '.join(_TABLE[task.name])}, but got {name!r}")
    return found(task)


def heads_of(kind: TaskName) -> Mapping[str, tuple[str, ...]]:
    """Returns the heads of a kind of task, each with the losses it takes."""
    return {name: head(name, SMALLEST[kind]).losses for name in _TABLE[kind]}
