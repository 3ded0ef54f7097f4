"""The task: what kind of question a study asks, and what follows from that.

A task is a frozen value, complete when built. Each kind of task is a row of `KINDS`: its heads, its metrics
and its weights. Nothing else asks which task it is.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from spaces.base import Frozen
from spaces.errors import RunError

TaskName = Literal["binary", "classes", "labels", "number"]
Asked = Literal["auto", "binary", "classes", "labels", "number"]
"""What a study may say of its task; `auto` leaves it to the labels."""
TASK_NAMES: tuple[TaskName, ...] = get_args(TaskName)
SMALLER_IS_BETTER = frozenset(
    {"brier", "log_loss", "ece", "classwise_ece", "hamming_loss", "mae", "rmse", "median_absolute_error"}
)
"""The metrics of which less is better."""
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "mcc": (-1.0, 1.0),
        "r2": (-math.inf, 1.0),
        "rmse": (0.0, math.inf),
        "mae": (0.0, math.inf),
    }
)
"""The ranges of metrics that rank trials and do not lie between 0 and 1."""
FARTHEST = 1e3
"""The most standard deviations between a target's mean and 0: four of float32's seven digits are left."""


def sign_of(metric: str) -> float:
    """Returns what a metric is multiplied by so that the larger is the better: 1, or -1."""
    return -1.0 if metric in SMALLER_IS_BETTER else 1.0


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of task.

    Args:
        name: its name.
        question: what it asks, for messages and pages.
        labels: what its labels look like.
        sized: whether there are several answers, at least two.
        heads: those searched unless a study names its own.
        metrics: those that mean something and may rank trials, the default first.
        steering: those that may steer, the default first; they need no threshold.
        calibrations: how its scores may become probabilities, the default first.
        weights: how rows may be weighed in training, the default of a study's space.
        all_weights: every such way.
        refused: metrics and decisions that people ask of it and that mean something else, with the reason.
    """

    name: TaskName
    question: str
    labels: str
    sized: bool
    heads: tuple[str, ...]
    metrics: tuple[str, ...]
    steering: tuple[str, ...]
    calibrations: tuple[str, ...]
    weights: tuple[str, ...]
    all_weights: tuple[str, ...]
    refused: Mapping[str, str]

    def check(self, metric: str, what: str = "objective.metric") -> None:
        """Refuses a metric that means nothing here, or something else than it seems.

        Args:
            metric: its name.
            what: the setting that names it: `objective.metric`, `objective.steer` or `objective.calibration`.

        Raises:
            RunError: the rule, the metric, and why.
        """
        settings = {"steer": self.steering, "calibration": self.calibrations}
        allowed = settings.get(what.removeprefix("objective."), self.metrics)
        if metric in allowed:
            return
        why = self.refused.get(metric)
        reason = "" if why is None else f": {why}"
        raise RunError(
            f"{what} of a task of {self.name} must be one of {', '.join(allowed)}, but got {metric}{reason}"
        )


_NO_THRESHOLD = "a number is measured by how far off it is, and nothing is decided"
_ONE_POSITIVE = "it is of one positive class against a negative one"
_NOT_BY_EVENTS = (
    "events of classes (events.positive) are counted and may be required (--require fa_per_day.max=2), but "
    "nothing is chosen by them"
)
_OF_BINARY = dict.fromkeys(("f1", "sensitivity", "specificity", "mcc"), _ONE_POSITIVE)
KINDS: Mapping[TaskName, Kind] = MappingProxyType(
    {
        "binary": Kind(
            name="binary",
            question="is it positive?",
            labels="two values",
            sized=False,
            heads=("sigmoid", "softmax", "margin"),
            metrics=(
                *("f1", "balanced_accuracy", "sensitivity", "specificity", "precision", "accuracy", "mcc"),
                *("average_precision", "roc_auc", "event_sensitivity", "event_precision", "event_f1"),
            ),
            steering=("average_precision", "roc_auc"),
            calibrations=("platt", "temperature", "none"),
            weights=("none", "balanced"),
            all_weights=("none", "balanced"),
            refused={},
        ),
        "classes": Kind(
            name="classes",
            question="which one of K classes is it?",
            labels="K values, or K columns with one 1 in every row",
            sized=True,
            heads=("softmax", "one_vs_rest", "margin"),
            metrics=(
                *("macro_f1", "balanced_accuracy", "weighted_f1", "micro_f1", "accuracy"),
                *("macro_average_precision", "roc_auc_ovr_macro"),
            ),
            steering=("macro_average_precision", "roc_auc_ovr_macro"),
            calibrations=("temperature", "none"),
            weights=("none", "balanced"),
            all_weights=("none", "balanced"),
            refused=_OF_BINARY
            | {
                "precision": "over K columns it is micro-averaged, which of exclusive classes is the "
                "accuracy",
                **dict.fromkeys(("event_sensitivity", "event_precision", "event_f1"), _NOT_BY_EVENTS),
                "sensitivity_at_fa_per_day": _NOT_BY_EVENTS,
            },
        ),
        "labels": Kind(
            name="labels",
            question="which of K labels apply, each for itself?",
            labels="K columns of 0 and 1",
            sized=True,
            heads=("sigmoids",),
            metrics=(
                *("macro_f1", "micro_f1", "weighted_f1", "subset_accuracy"),
                *("macro_average_precision", "roc_auc_ovr_macro"),
            ),
            steering=("macro_average_precision", "roc_auc_ovr_macro"),
            calibrations=("platt", "temperature", "none"),
            weights=("none", "balanced"),
            all_weights=("none", "balanced", "pos_weight"),
            refused=_OF_BINARY
            | {
                "accuracy": "over K columns it counts the many labels that rightly do not apply, and is high "
                "for a model that finds none",
                "balanced_accuracy": "it is of exclusive classes",
                "precision": "over K columns it is micro-averaged: frequent labels hide the rare ones",
                "argmax": "it gives every row exactly one label, and rows have none or several",
            },
        ),
        "number": Kind(
            name="number",
            question="how much is it?",
            labels="real numbers",
            sized=False,
            heads=("linear",),
            metrics=("rmse", "mae", "r2"),
            steering=("rmse", "mae"),
            calibrations=("none",),
            weights=("none",),
            all_weights=("none",),
            refused={
                "accuracy": "it counts the predictions that equal the target exactly, which a real number "
                "never does",
                **dict.fromkeys(
                    ("f1", "balanced_accuracy", "precision", "sensitivity", "specificity", "roc_auc"),
                    _NO_THRESHOLD,
                ),
                "argmax": _NO_THRESHOLD,
            },
        ),
    }
)
"""Every kind of task, by name."""


class Task(Frozen):
    """What a study asks: its kind, and what its labels say beyond that."""

    name: TaskName = Field(default="binary", description="binary, classes, labels or number")
    size: int = Field(default=1, ge=1, le=10_000, description="classes or labels; 1 for binary and number")
    location: float = Field(default=0.0, description="of a number: mean of the training targets")
    scale: float = Field(default=1.0, gt=0, description="of a number: their standard deviation")

    @model_validator(mode="after")
    def _consistent(self) -> "Task":
        if self.kind.sized != (self.size > 1):
            rule = "at least two answers" if self.kind.sized else "one answer"
            raise ValueError(f"task {self.name} has {rule}, but got {self.size}")
        if self.name != "number" and (self.location, self.scale) != (0.0, 1.0):
            raise ValueError(f"location and scale are of task number, but got them for {self.name}")
        return self

    @property
    def kind(self) -> Kind:
        """What follows from its name."""
        return KINDS[self.name]

    def of_rows(self, y: NDArray[np.generic]) -> "Task":
        """Returns the task with what the labels of the training rows, `(n, ...)`, say beyond its size.

        Raises:
            RunError: the targets of a number are all equal, or float32 cannot tell them apart.
        """
        return _OF_ROWS[self.name](self, y)


BINARY = Task()


def _same(task: Task, y: NDArray[np.generic]) -> Task:
    return task


def _standardised(task: Task, y: NDArray[np.generic]) -> Task:
    targets = y.astype(np.float64)
    location, scale = float(np.mean(targets)), float(np.std(targets))
    if not scale > 0:
        raise RunError(f"a number to predict must vary, but all {len(targets)} targets are {location:g}")
    if abs(location) > FARTHEST * scale:
        raise RunError(
            "targets must vary by at least a thousandth of their mean, as scores are float32, but their "
            f"mean is {location:g} and their standard deviation {scale:g}; subtract a constant before saving"
        )
    return Task(name="number", location=location, scale=scale)


_OF_ROWS: Mapping[TaskName, Callable[[Task, NDArray[np.generic]], Task]] = {
    **dict.fromkeys(TASK_NAMES, _same),
    "number": _standardised,
}
