"""The leaderboard on a terminal: the columns that people read first."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from search.event_scores import EVENT_METRICS

EVENT_POLICY = "sensitivity_at_fa_per_day"


def table(rows: Sequence[dict[str, Any]], title: str, width: int) -> Table:
    """Lays rows out as a table: what was trained, its value, and what the threshold does.

    Args:
        rows: rows of a leaderboard.
        title: stands above.
        width: characters there are; where they are few, the less telling columns are left out.
    """
    objective = rows[0]["objective"] if rows else "value"
    shown = Table(title=f"{title}: {objective}", title_justify="left", header_style="bold", box=None)
    columns = [
        column
        for column in _COLUMNS
        if width >= column.least_width and (about_events(rows) or not column.of_events)
    ]
    for column in columns:
        shown.add_column(column.name, justify="right" if column.number else "left", no_wrap=True)
    shown.add_column("")
    for r in rows:
        shown.add_row(*(column.cell(r) for column in columns), Text(_notes(r)))
    return shown


@dataclass(frozen=True)
class _Column:
    name: str
    cell: Callable[[dict[str, Any]], str]
    number: bool = True
    least_width: int = 0
    of_events: bool = False


def about_events(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether the study asked for events: its rows are ranked by them, or its thresholds chosen by them."""
    return any(r["objective"] in EVENT_METRICS or r["threshold_policy"] == EVENT_POLICY for r in rows[:1])


_COLUMNS = (
    _Column("rank", lambda r: "-" if r["rank"] is None else str(r["rank"])),
    _Column("trial", lambda r: str(r["trial_id"])),
    _Column("head", lambda r: str(r["trunk"] if r["kind"] == "baseline" else r["head"]), number=False),
    _Column("loss", lambda r: r["loss"] or "", number=False),
    _Column(
        "rate", lambda r: "" if r["learning_rate"] is None else f"{r['learning_rate']:.1e}", least_width=100
    ),
    _Column("optimizer", lambda r: r["optimizer"] or "", number=False, least_width=120),
    _Column("value", lambda r: _number(r["value"])),
    _Column("its fa/day", lambda r: _number(r["value_fa_per_day"], digits=1), of_events=True),
    _Column("sens.", lambda r: _number(r["val_sensitivity"])),
    _Column("prec.", lambda r: _number(r["val_precision"])),
    _Column("ev.sens.", lambda r: _number(r["val_event_sensitivity"]), of_events=True),
    _Column("fa/day", lambda r: _number(r["val_fa_per_day"], digits=1), of_events=True),
    _Column("threshold", lambda r: _number(r["threshold"]), least_width=100),
    _Column("epochs", lambda r: str(r["epochs"] or ""), least_width=120),
    _Column("seconds", lambda r: f"{r['train_s']:.0f}", least_width=120),
)


def _notes(r: dict[str, Any]) -> str:
    if r["error"] is not None:
        return f"failed: {r['error']}" if r["state"] == "failed" else str(r["error"])
    notes = [r["state"]] if r["state"] != "completed" else []
    notes += [r["kind"]] if r["kind"] != "search" else []
    return ", ".join([*notes, *(["leaky"] if r["leaky"] else [])])


def footnotes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Says what the numbers are, and what to beware of.

    Args:
        rows: all rows of a leaderboard, shown or not.
    """
    if not rows:
        return []
    by = {"group": "groups", "recording": "recordings", "row": "single rows"}[rows[0]["cross_fit_by"]]
    notes = [
        f"value: {rows[0]['objective']}, cross-fitted over 10 half-splits by {by}; "
        "sens., prec.: in sample at the threshold"
    ]
    if about_events(rows):
        scorer = json.loads(rows[0]["event_scoring"] or "{}").get("scorer", "no scorer")
        notes.append(
            "its fa/day: false alarms per 24 h of the decisions behind value; ev.sens., fa/day: seizures "
            f"found and false alarms per 24 h, in sample; all scored by {scorer}"
        )
    if rows[0]["groups"] == "unknown":
        notes.append(
            "groups: unknown; if rows belong to patients or recordings, name them, or numbers flatter"
        )
    if any(r["leaky"] for r in rows):
        notes.append(
            "leaky: the parts of the split are known not to be independent; do not trust these values"
        )
    baselines = [r["value"] for r in rows if r["kind"] == "baseline" and r["value"] is not None]
    trained = [r["value"] for r in rows if r["kind"] != "baseline" and r["value"] is not None]
    if baselines and trained and max(trained) <= max(baselines):
        notes.append("no trial is better than the best baseline")
    return notes


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
