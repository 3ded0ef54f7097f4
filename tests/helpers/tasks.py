"""Tasks, and heads and labels of them, for tests of every head with every loss of every task."""

from typing import Any

import numpy as np

from spaces.heads import Head
from spaces.many_heads import head, heads_of
from spaces.tasks import Task

CLASSES, LABELS = Task(name="classes", size=5), Task(name="labels", size=4)
NUMBER = Task(name="number", location=40.0, scale=7.0)
TASKS = (CLASSES, LABELS, NUMBER)
"""One of each kind that is not binary."""

TASK_HEADS = [head(name, task) for task in TASKS for name in heads_of(task.name)]
TASK_PAIRS = [(made, loss) for made in TASK_HEADS for loss in made.losses]
"""Every valid pair of them."""


def named(made: Head, loss: str = "") -> str:
    """What a test of a head is called."""
    return f"{made.task.name}-{made.name}-{loss}".rstrip("-")


TASK_HEAD_NAMES = [named(made) for made in TASK_HEADS]
TASK_PAIR_NAMES = [named(made, loss) for made, loss in TASK_PAIRS]

_DRAWN = {
    "classes": lambda task, rng, n: rng.permutation(np.arange(n) % task.size).astype(np.int16),
    "labels": lambda task, rng, n: (rng.random((n, task.size)) < np.linspace(0.15, 0.6, task.size)).astype(
        np.int8
    ),
    "number": lambda task, rng, n: rng.normal(task.location, task.scale, n),
}


def labels_of(task: Task, n: int, seed: int = 0) -> Any:
    """Draws labels of a task as data have them, `(n,)` or `(n, K)`."""
    return _DRAWN[task.name](task, np.random.default_rng(seed), n)
