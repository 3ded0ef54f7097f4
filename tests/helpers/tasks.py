"""Tasks, and heads and labels of them, for tests of every head with every loss of every task."""

from typing import Any

import numpy as np

from search.data.trial_data import TrialData
from spaces.configuration import Config
from spaces.heads import Head
from spaces.task_heads import head, heads_of
from spaces.tasks import Task
from tests.helpers.toys import config

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


def task_data(task: Task, train: int = 160, validation: int = 96, seed: int = 0) -> TrialData:
    """Draws rows `(n, 4)` that tell much of their labels, for training and validation."""
    n = train + validation
    y, rng = labels_of(task, n, seed), np.random.default_rng(seed + 1)
    encoded = head(task.kind.heads[0], task).encode(y)
    mix = np.random.default_rng(5).normal(size=(encoded.shape[1], 4))
    x = (encoded @ mix + 0.5 * rng.normal(size=(n, 4))).astype(np.float32)
    return TrialData(x[:train], y[:train], x[train:], y[train:])


def task_config(made: Head, loss: str, **changes: Any) -> Config:
    """A configuration of a small `mlp` with a head of a task."""
    plain = config("sigmoid", "bce", label_smoothing=None)
    chosen = {"head": made.name, "loss": loss, "task": made.task, **made.loss(loss).parameters, **changes}
    return Config.model_validate({**plain.model_dump(), **chosen})
