"""Lays a leaderboard out as a table, for a terminal and as HTML for a notebook."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from reports.boards.footnotes import about_events, footnotes
from reports.boards.query import QueryResult

if TYPE_CHECKING:
    from reports.boards.selection import Selection

WIDE = 1000
"""Width, in characters, at which no column is left out."""


def table(board: QueryResult, title: str, width: int, chosen: "Selection | None" = None) -> Table:
    """Lays rows out as a table: what was trained, its value, and what the threshold does.

    Args:
        board: the rows.
        title: stands above.
        width: characters there are; where they are few, the less telling columns are left out.
        chosen: ties and intervals, where they are known.
    """
    rows = board.rows
    shown = Table(title=_title(board, title), title_justify="left", header_style="bold", box=None)
    columns = _columns(board, rows, width, chosen)
    for column in columns:
        shown.add_column(column.name, justify="right" if column.number else "left", no_wrap=True)
    shown.add_column("")
    for r in rows:
        shown.add_row(*(column.cell(r, chosen) for column in columns), _notes(r))
    return shown


def as_html(board: QueryResult, chosen: "Selection | None" = None, why_not: str | None = None) -> str:
    """Returns the same table as HTML, with its footnotes, for a notebook."""
    rows = board.rows
    columns = _columns(board, rows, WIDE, chosen)
    heads = "".join(f"<th>{html.escape(column.name)}</th>" for column in columns)

    def line(r: dict[str, Any]) -> str:
        cells = [("right" if c.number else "left", c.cell(r, chosen)) for c in columns]
        cells.append(("left", _notes(r)))
        inside = (f'<td style="text-align:{side}">{html.escape(text)}</td>' for side, text in cells)
        return f"<tr>{''.join(inside)}</tr>"

    lines = "".join(map(line, rows))
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in footnotes(board, chosen, why_not))
    return (
        f"<table><caption>{html.escape(_title(board, ', '.join(board.facts.runs)))}</caption>"
        f"<thead><tr>{heads}<th></th></tr></thead><tbody>{lines}</tbody></table><ul>{notes}</ul>"
    )


def _title(board: QueryResult, title: str) -> str:
    objectives = sorted({r["objective"] for r in board.rows})
    return f"{title}: {', '.join(objectives) or 'value'}"


@dataclass(frozen=True)
class _Column:
    name: str
    cell: Callable[[dict[str, Any], "Selection | None"], str]
    number: bool = True
    least_width: int = 0
    of_events: bool = False
    of_intervals: bool = False
    of_runs: bool = False


def _columns(
    board: QueryResult, rows: Sequence[dict[str, Any]], width: int, chosen: "Selection | None"
) -> list[_Column]:
    events, several = about_events(rows), len(board.facts.runs) > 1
    return [
        column
        for column in _COLUMNS
        if width >= column.least_width
        and (events or not column.of_events)
        and (several or not column.of_runs)
        and (chosen is not None or not column.of_intervals)
    ]


def _of(shown: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any], "Selection | None"], str]:
    """A cell that depends on its row alone."""
    return lambda r, _chosen: shown(r)


def _rank(r: dict[str, Any], chosen: "Selection | None") -> str:
    if r["rank"] is None:
        return "-"
    low, high = (r["rank"],) * 2 if chosen is None else chosen.ranks.get(r["trial_id"], (r["rank"],) * 2)
    return str(low) if low == high else f"{low}-{high}"


def _interval(r: dict[str, Any], chosen: "Selection | None") -> str:
    estimate = None if chosen is None else chosen.values.get(r["trial_id"])
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.2f}-{estimate.high:.2f}"


_COLUMNS = (
    _Column("rank", _rank),
    _Column("run", _of(lambda r: str(r["run"])), number=False, of_runs=True),
    _Column("trial", _of(lambda r: str(r["trial_id"]))),
    _Column("head", _of(lambda r: str(r["head"] or r["trunk"])), number=False),
    _Column("loss", _of(lambda r: r["loss"] or ""), number=False),
    _Column(
        "rate",
        _of(lambda r: "" if r["learning_rate"] is None else f"{r['learning_rate']:.1e}"),
        least_width=100,
    ),
    _Column("optimizer", _of(lambda r: r["optimizer"] or ""), number=False, least_width=150),
    _Column("value", _of(lambda r: number(r["value"]))),
    _Column("95%", _interval, of_intervals=True, least_width=90),
    _Column("its fa/day", _of(lambda r: number(r["value_fa_per_day"], digits=1)), of_events=True),
    _Column("sens.", _of(lambda r: number(r["val_sensitivity"]))),
    _Column("prec.", _of(lambda r: number(r["val_precision"]))),
    _Column("ev.sens.", _of(lambda r: number(r["val_event_sensitivity"])), of_events=True),
    _Column("fa/day", _of(lambda r: number(r["val_fa_per_day"], digits=1)), of_events=True),
    _Column("threshold", _of(lambda r: number(r["threshold"])), least_width=100),
    _Column("epochs", _of(lambda r: str(r["epochs"] or "")), least_width=120),
    _Column("seconds", _of(lambda r: number(r["train_s"], digits=0)), least_width=120),
)


def _notes(r: dict[str, Any]) -> str:
    if r["error"] is not None:
        return f"failed: {r['error']}" if r["state"] == "failed" else str(r["error"])
    notes = [r["state"]] if r["state"] != "completed" else []
    notes += [r["kind"]] if r["kind"] != "search" else []
    notes += ["constant"] if r["constant_decision"] else []
    notes += ["one patient"] if (r["groups"] or "").startswith("one") else []
    return ", ".join([*notes, *(["leaky"] if r["leaky"] else [])])


def duration(seconds: float) -> str:
    """Returns a time in the two largest of its units, such as `2 h 5 min`."""
    whole = round(seconds)
    for unit, size, below, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {below}"
    return f"{whole} s"


def number(value: float | None, digits: int = 3) -> str:
    """Returns a number as tables show it: a dash where it is undefined."""
    return "-" if value is None else f"{value:.{digits}f}"
