"""Requirements that a trial must meet before it is picked, such as `sensitivity.min=0.95`."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from reports.boards.columns import EACH, SCALARS
from search.events.scoring import EVENT_METRICS
from search.events.timelines import why_unscored
from search.runs.run_folder import RunFolder
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS
from search.scores.multiclass import metrics as of_classes
from search.scores.multilabel import metrics as of_labels
from search.scores.thresholds import short_of
from spaces.base import Label
from spaces.errors import RunError, first_of
from spaces.tasks import RANGES, TASK_NAMES, TaskName

NAMES = ("value", *METRICS, *RANKING_METRICS, *PROBABILITY_METRICS, *EVENT_METRICS)
"""What may be required: the cross-fitted value, or a metric of all validation rows at the threshold."""
_NAMES_OF: Mapping[TaskName, tuple[str, ...]] = {
    "binary": NAMES,
    **{task: ("value", *names) for task, names in SCALARS.items()},
    "classes": ("value", *SCALARS["classes"], *EVENT_METRICS),
}

_BOUNDS = {
    **RANGES,
    "value": (-1.0, math.inf),
    "log_loss": (0.0, math.inf),
    "median_absolute_error": (0.0, math.inf),
    "fa_per_day": (0.0, math.inf),
}
"""The range of each metric that does not lie between 0 and 1."""
_BOUNDS_OF: Mapping[TaskName, Mapping[str, tuple[float, float]]] = {
    "classes": {"brier": (0.0, 2.0)},
    "number": {"value": (-math.inf, math.inf)},
}
_CHOSEN_BY: Mapping[TaskName, frozenset[str]] = {
    **dict.fromkeys(TASK_NAMES, frozenset[str]()),
    "binary": frozenset(METRICS),
}
"""What decisions are chosen by where it is required."""
_MOVED_BY_RULES: Mapping[TaskName, frozenset[str]] = {
    "binary": frozenset({*METRICS, *EVENT_METRICS}),
    "classes": frozenset({*of_classes.DECISION_METRICS, *of_classes.CLASS_METRICS, *EVENT_METRICS}),
    "labels": frozenset({*of_labels.DECISION_METRICS, *of_classes.CLASS_METRICS}),
    "number": frozenset(),
}
"""What is another under another rule."""
_EXAMPLES: Mapping[TaskName, str] = {
    "binary": "sensitivity",
    "classes": "macro_f1",
    "labels": "macro_f1",
    "number": "r2",
}
_WRITTEN = re.compile(
    r"\s*([a-z0-9_]+)(?:\.(.+?))??\s*(?:\.(min|max)\s*=|(>=|<=))\s*([^=<>]+?)\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class Requirement:
    """A bound on a metric; a value equal to the bound meets it.

    Args:
        metric: a name of NAMES.
        bound: `min`: at least `limit`; `max`: at most.
        limit: finite.
        of: the class or label that it is about; None of all rows together.
        place: its place among the classes or labels.
    """

    metric: str
    bound: Literal["min", "max"]
    limit: float
    of: str | None = None
    place: int | None = None

    @property
    def column(self) -> str:
        """The leaderboard's column that it is about."""
        if self.place is not None:
            return f"each_{self.metric}"
        return self.metric if self.metric == "value" else f"val_{self.metric}"

    @property
    def name(self) -> str:
        """What it is about, as it is written."""
        return self.metric if self.of is None else f"{self.metric}.{self.of}"

    def value_in(self, row: Mapping[str, Any]) -> float | None:
        """The value of a row of the leaderboard that it is about; None where undefined."""
        found = row.get(self.column)  # a run of an earlier version may not know the metric
        return found if self.place is None or found is None else found[self.place]

    def shortfall(self, row: Mapping[str, Any]) -> float:
        """How far a row of the leaderboard is from it; 0 where it is met, infinite where null."""
        value = self.value_in(row)
        if value is None:
            return math.inf
        return float(short_of(self, np.array(value)))

    def __str__(self) -> str:
        return f"{self.name}.{self.bound}={self.limit:.15g}"


def parse(
    texts: Iterable[str], task: TaskName = "binary", answers: Sequence[Label] = ()
) -> tuple[Requirement, ...]:
    """Reads requirements: `sensitivity.min=0.95`, `sensitivity>=0.95` in quotes, or `recall.CLASS.min=0.9`.

    Args:
        texts: as they are written.
        task: of the run.
        answers: its classes or labels, in order.

    Raises:
        RunError: one is not written like that, or about no metric or class of the run.
    """
    return tuple(_parsed(text, task, answers) for text in texts)


def parse_for(run: RunFolder, texts: Iterable[str]) -> tuple[Requirement, ...]:
    """Reads what is required of a run's trials; see `parse`."""
    if not (written := tuple(texts)):
        return ()
    task = run.study().task
    return parse(written, task.name, run.reference().answers if task.kind.sized else ())


def _parsed(text: str, task: TaskName, answers: Sequence[Label]) -> Requirement:
    found, names = _WRITTEN.fullmatch(text), _NAMES_OF[task]
    if found is None:
        name = text.strip() if text.strip() in names else _EXAMPLES[task]
        raise RunError(
            f"--require takes METRIC.min=NUMBER or METRIC.max=NUMBER, such as {name}.min=0.95, got {text!r}"
        )
    metric, of, word, sign, number = found.groups()
    known = EACH if of is not None and answers else names
    if metric not in known:
        of_each = f"; of each class or label {', '.join(EACH)}" if answers and of is None else ""
        raise RunError(f"--require takes one of {', '.join(known)}, but got {metric!r}{of_each}")
    place = None if of is None else _place(of, answers, text)
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise RunError(f"--require takes a finite number as the limit, but got {number!r} in {text!r}")
    low, high = {**_BOUNDS, **_BOUNDS_OF.get(task, {})}.get(metric, (0.0, 1.0))
    if not low <= limit <= high:
        raise RunError(f"{metric} lies between {low:g} and {high:g}, but --require asks for {text!r}")
    bound: Literal["min", "max"] = "min" if (word or sign).lower() in ("min", ">=") else "max"
    return Requirement(metric, bound, limit, of, place)


def _place(of: str, answers: Sequence[Label], text: str) -> int:
    names = [str(answer) for answer in answers]
    if of in names:
        return names.index(of)
    if not names:
        raise RunError(f"--require takes METRIC.CLASS.min=NUMBER of classes or labels, but got {text!r}")
    raise RunError(f"--require takes a class or label of {first_of(map(repr, names), 10)}, but got {of!r}")


def check_scored(requirements: Iterable[Requirement], run: RunFolder) -> None:
    """Refuses what is required of events where a run has no event scores: no threshold has any there.

    Args:
        requirements: what is required.
        run: the run.

    Raises:
        RunError: it has none, and why.
    """
    of_events = [one for one in requirements if one.metric in EVENT_METRICS]
    if not of_events:
        return
    reference, study = run.reference(), run.study()
    if reference.timeline is None:
        unnamed = study.task.kind.sized and not study.events.positive
        why = "its study names no classes that are seizures (events.positive)" if unnamed else None
        raise RunError(
            f"--require {of_events[0]} needs event scores, but {run.path} has none, since "
            f"{why or why_unscored(reference)}"
        )


def other_thresholds(requirements: Sequence[Requirement], run: RunFolder) -> str:
    """Returns the advice that other thresholds may meet what is required; empty where none can."""
    metrics, task = {one.metric for one in requirements}, run.study().task.name
    if metrics <= _CHOSEN_BY[task]:
        asked = " ".join(f"--require {one}" for one in requirements)
    elif metrics <= _MOVED_BY_RULES[task]:
        asked = "--policy RULE"  # rescore chooses no decision by what is required of these
    else:
        return ""
    return f"; other thresholds may: python search.py rescore {run.path} {asked}"


def unmet(row: Mapping[str, Any], requirements: Iterable[Requirement]) -> list[Requirement]:
    """Returns the requirements that a row of the leaderboard does not meet."""
    return [requirement for requirement in requirements if requirement.shortfall(row) > 0]


def nearest(
    rows: Iterable[Mapping[str, Any]], requirements: Iterable[Requirement]
) -> Mapping[str, Any] | None:
    """Returns the row that falls short by least, the first of equal ones; None of none.

    Shortfalls are summed as shares of their limits: a false alarm more is not a sensitivity of 1 less.
    """
    asked = tuple(requirements)

    def short(row: Mapping[str, Any]) -> float:
        return sum(one.shortfall(row) / (abs(one.limit) or 1.0) for one in asked)

    return min(rows, key=short, default=None)
