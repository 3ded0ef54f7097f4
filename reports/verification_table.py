"""A verification on a terminal: one line per group, the worst first, and what they come to."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from reports.table import number
from search.verification import HeldOut

SHOWN = 30
"""Groups that are listed."""
SHORT = {"sensitivity": "sens.", "specificity": "spec.", "event_sensitivity": "event sens."}
"""Metrics that have a column of their own, whatever the objective."""


def verification_shown(
    groups: Sequence[HeldOut], summary: Mapping[str, Any], title: str, width: int
) -> Iterator[Table | str]:
    """Yields a table and lines, for a terminal.

    Args:
        groups: one per held-out group.
        summary: from `reports.verification.summarise`.
        title: stands above.
        width: characters there are; where they are few, the less telling columns are left out.
    """
    objective, timed = str(summary["objective"]), any(held.hours is not None for held in groups)
    yield _table(groups, objective, timed, title, width)
    if len(groups) > SHOWN:
        yield f"{len(groups) - SHOWN} more groups are in the file"
    beside = ("event_sensitivity", "fa_per_day") if timed else ("sensitivity", "specificity")
    shown = list(dict.fromkeys((objective, *beside)))
    for name in shown:
        yield _mean(name, summary)
    for name in shown:
        yield _pooled(name, summary)
    for worst in summary["worst"]:
        yield f"worst by {worst['by']}: {worst['group']} ({number(worst['value'])})"
    flattered = "; on a leaky split, so flattered" if summary["search_leaky"] else ""
    yield (
        f"in the search: {objective} {number(summary['value_in_search'])} (cross-fitted on its validation "
        f"rows{flattered})"
    )
    if summary["leaky"]:
        yield f"leaky: folds are not independent, so do not trust these values: {'; '.join(summary['leaks'])}"
    yield "the test split stays closed, it is for promote; the weights that ship stay the trial's own"


def _table(groups: Sequence[HeldOut], objective: str, timed: bool, title: str, width: int) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", box=None)
    shown = [column for column in _columns(objective, timed) if width >= column.least_width]
    for column in shown:
        table.add_column(column.name, justify="left" if column.name == "group" else "right", no_wrap=True)
    for held in sorted(groups, key=lambda held: _badness(held, objective))[:SHOWN]:
        table.add_row(*(column.cell(held) for column in shown))
    return table


@dataclass(frozen=True)
class _Column:
    name: str
    cell: Callable[[HeldOut], str]
    least_width: int = 0


def _columns(objective: str, timed: bool) -> list[_Column]:
    found = [
        _Column("group", lambda held: held.group),
        _Column("fold", lambda held: str(held.fold)),
        _Column("rows", lambda held: str(held.rows), 100),
        _Column("positive", lambda held: str(held.positives)),
        *([] if objective in SHORT else [_metric(objective, objective)]),
        _metric("sensitivity", SHORT["sensitivity"], 100 if timed and objective != "sensitivity" else 0),
        _metric("specificity", SHORT["specificity"], 100 if timed and objective != "specificity" else 0),
    ]
    if timed:
        found += [
            _metric("event_sensitivity", SHORT["event_sensitivity"]),
            _metric("fa_per_day", "fa/day"),
            _Column("hours", lambda held: number(held.hours, 2), 140),
            _Column("seizures", lambda held: "-" if held.seizures is None else str(held.seizures)),
            _Column("delay s", lambda held: number(held.delay_s, 1), 100),
        ]
    found += [
        _Column("threshold", lambda held: number(held.threshold), 120),
        _Column("epochs", lambda held: str(held.epochs), 140),
        _Column("seconds", lambda held: f"{held.train_s:.0f}", 140),
    ]
    return found


def _metric(metric: str, name: str, least_width: int = 0) -> _Column:
    return _Column(name, lambda held: number(held.metrics[metric]), least_width)


def _badness(held: HeldOut, objective: str) -> tuple[bool, float, str]:
    value = held.metrics[objective]
    return value is None, value or 0.0, held.group


def _mean(name: str, summary: Mapping[str, Any]) -> str:
    found = summary["over_groups"][name]
    return (
        f"over groups: {name} {number(found['mean'])}, standard deviation {number(found['sd'])}, "
        f"{number(found['min'])} to {number(found['max'])}, defined for {found['defined']} of "
        f"{summary['groups']}"
    )


def _pooled(name: str, summary: Mapping[str, Any]) -> str:
    if name not in summary["pooled"]:
        return f"pooled: no {name}, for scores of different models have no common scale"
    found = summary["pooled"][name]
    return (
        f"pooled: {name} {number(found['value'])} "
        f"(95% interval {number(found['low'])} to {number(found['high'])})"
    )
