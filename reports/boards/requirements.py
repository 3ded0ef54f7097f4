"""Requirements that a trial must meet before it is picked, such as `sensitivity.min=0.95`."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from search.events.scoring import EVENT_METRICS
from search.events.timelines import why_unscored
from search.runs.run_folder import RunFolder
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS
from spaces.errors import RunError

NAMES = ("value", *METRICS, *RANKING_METRICS, *PROBABILITY_METRICS, *EVENT_METRICS)
"""What may be required: the cross-fitted value, or a metric of all validation rows at the threshold."""

_BOUNDS = {
    "mcc": (-1.0, 1.0),
    "value": (-1.0, math.inf),
    "log_loss": (0.0, math.inf),
    "fa_per_day": (0.0, math.inf),
}
"""The range of each metric that does not lie between 0 and 1."""
_WRITTEN = re.compile(r"\s*([a-z0-9_]+)\s*(?:\.(min|max)\s*=|(>=|<=))\s*([^=<>]+?)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Requirement:
    """A bound on a metric; a value equal to the bound meets it.

    Args:
        metric: a name of NAMES.
        bound: `min`: at least `limit`; `max`: at most.
        limit: finite.
    """

    metric: str
    bound: Literal["min", "max"]
    limit: float

    @property
    def column(self) -> str:
        """The leaderboard's column that it is about."""
        return self.metric if self.metric == "value" else f"val_{self.metric}"

    def shortfall(self, row: Mapping[str, Any]) -> float:
        """How far a row of the leaderboard is from it; 0 where it is met, infinite where null."""
        value = row.get(self.column)  # a run of an earlier version may not know the metric
        if value is None:
            return math.inf
        return max(0.0, float(self.limit - value if self.bound == "min" else value - self.limit))

    def __str__(self) -> str:
        return f"{self.metric}.{self.bound}={self.limit:g}"


def parse(texts: Iterable[str]) -> tuple[Requirement, ...]:
    """Reads requirements: `sensitivity.min=0.95`, or `sensitivity>=0.95` in quotes.

    Raises:
        RunError: one is not written like that, or about no metric.
    """
    return tuple(_parsed(text) for text in texts)


def _parsed(text: str) -> Requirement:
    found = _WRITTEN.fullmatch(text)
    if found is None:
        name = text.strip() if text.strip() in NAMES else "sensitivity"
        raise RunError(
            f"--require takes METRIC.min=NUMBER or METRIC.max=NUMBER, such as {name}.min=0.95, got {text!r}"
        )
    metric, word, sign, number = found.groups()
    if metric not in NAMES:
        raise RunError(f"--require takes one of {', '.join(NAMES)}, but got {metric!r}")
    try:
        limit = float(number)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise RunError(f"--require takes a finite number as the limit, but got {number!r} in {text!r}")
    low, high = _BOUNDS.get(metric, (0.0, 1.0))
    if not low <= limit <= high:
        raise RunError(f"{metric} lies between {low:g} and {high:g}, but --require asks for {text!r}")
    return Requirement(metric, "min" if (word or sign).lower() in ("min", ">=") else "max", limit)


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
    reference = run.reference()
    if reference.timeline is None:
        raise RunError(
            f"--require {of_events[0]} needs event scores, but {run.path} has none, since "
            f"{why_unscored(reference)}"
        )


def other_thresholds(requirements: Sequence[Requirement], run: RunFolder) -> str:
    """Returns the advice that other thresholds may meet what is required; empty where none can."""
    metrics = {one.metric for one in requirements}
    if metrics <= METRICS.keys():
        asked = " ".join(f"--require {one}" for one in requirements)
    elif metrics <= METRICS.keys() | set(EVENT_METRICS):
        asked = "--policy RULE"  # rescore chooses no threshold by what is required of events
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
