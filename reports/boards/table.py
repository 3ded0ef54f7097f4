"""Lays a leaderboard out as a table, for a terminal and as HTML for a notebook."""

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from rich.table import Table

from reports.boards.footnotes import HEADLINES, about_events, footnotes, repeated
from reports.boards.query import QueryResult
from spaces.tasks import TaskName

if TYPE_CHECKING:
    from reports.boards.selection import Selection

WIDE = 1000
"""Width, in characters, at which no column is left out."""


Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column of a table.

    Args:
        name: stands above.
        cell: makes the text of a cell from a row.
        number: whether it is aligned right.
        least_width: characters that the whole table needs to have for this column to be shown.
        wrap: whether long text is broken into lines.
    """

    name: str
    cell: Callable[[Row], str]
    number: bool = True
    least_width: int = 0
    wrap: bool = False


def lay_out(title: str, columns: Iterable[Column[Row]], rows: Iterable[Row], width: int = WIDE) -> Table:
    """Lays rows out for a terminal that is `width` characters wide; print it by a `PlainConsole`."""
    shown = [column for column in columns if width >= column.least_width]
    table = Table(title=title, title_justify="left", header_style="bold", box=None)
    for column in shown:
        justify: Literal["right", "left"] = "right" if column.number else "left"
        table.add_column(column.name, justify=justify, no_wrap=not column.wrap)
    for row in rows:
        table.add_row(*(column.cell(row) for column in shown))
    return table


def table(board: QueryResult, title: str, width: int, chosen: "Selection | None" = None) -> Table:
    """Lays rows out as a table: what was trained, its value, and what the threshold does.

    Args:
        board: the rows.
        title: stands above.
        width: characters there are; where they are few, the less telling columns are left out.
        chosen: ties and intervals, where they are known.
    """
    rows = board.rows
    return lay_out(_title(rows, title), _columns(board, rows, chosen), rows, width)


def as_html(board: QueryResult, chosen: "Selection | None" = None, why_not: str | None = None) -> str:
    """Returns the same table as HTML, with its footnotes, for a notebook."""
    rows = board.rows
    columns = _columns(board, rows, chosen)
    heads = "".join(f"<th>{html.escape(column.name)}</th>" for column in columns)

    def line(r: dict[str, Any]) -> str:
        cells = [("right" if column.number else "left", column.cell(r)) for column in columns]
        inside = (f'<td style="text-align:{side}">{html.escape(text)}</td>' for side, text in cells)
        return f"<tr>{''.join(inside)}</tr>"

    lines = "".join(map(line, rows))
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in footnotes(board, chosen, why_not))
    return (
        f"<table><caption>{html.escape(_title(rows, ', '.join(board.facts.runs)))}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table><ul>{notes}</ul>"
    )


def _title(rows: Sequence[dict[str, Any]], title: str) -> str:
    objectives = sorted({r["objective"] for r in rows})
    return f"{title}: {', '.join(objectives) or 'value'}"


def _columns(
    board: QueryResult, rows: Sequence[dict[str, Any]], chosen: "Selection | None"
) -> list[Column[dict[str, Any]]]:
    events, seeds = about_events(rows), repeated(rows)
    task: TaskName = (rows[0].get("task") or "binary") if rows else "binary"
    columns: tuple[Column[dict[str, Any]] | None, ...] = (
        Column("rank", lambda r: _rank(r, chosen)),
        Column("run", lambda r: str(r["run"]), number=False) if len(board.facts.runs) > 1 else None,
        Column("trial", lambda r: str(r["trial_id"])),
        Column("head", lambda r: str(r["head"] or r["trunk"]), number=False),
        Column("loss", lambda r: r["loss"] or "", number=False),
        Column(
            "rate",
            lambda r: "" if r["learning_rate"] is None else f"{r['learning_rate']:.1e}",
            least_width=100,
        ),
        Column("optimizer", lambda r: r["optimizer"] or "", number=False, least_width=150),
        Column("value", lambda r: number(r["value"])),
        Column("mean", lambda r: number(r["value_mean"])) if seeds else None,
        Column("seeds", lambda r: str(r["seeds"] or ""), least_width=90) if seeds else None,
        None if chosen is None else Column("95%", lambda r: _interval(r, chosen), least_width=90),
        Column("its fa/day", lambda r: number(r["value_fa_per_day"], digits=1))
        if events and task == "binary"
        else None,
        *(_headline(*one) for one in HEADLINES[task]),
        Column("ev.sens.", lambda r: number(r["val_event_sensitivity"])) if events else None,
        Column("fa/day", lambda r: number(r["val_fa_per_day"], digits=1)) if events else None,
        Column("threshold", lambda r: number(r["threshold"]), least_width=100)
        if any("threshold" in r for r in rows)
        else None,
        Column("epochs", lambda r: str(r["epochs"] or ""), least_width=120),
        Column("seconds", lambda r: number(r["train_s"], digits=0), least_width=120),
        Column("", _notes, number=False, wrap=True),
    )
    return [column for column in columns if column is not None]


def _headline(name: str, column: str) -> Column[dict[str, Any]]:
    return Column(name, lambda r: number(r[column]))


def _rank(r: dict[str, Any], chosen: "Selection | None") -> str:
    if r["rank"] is None:
        return "-"
    own = (r["rank"], r["rank"])
    low, high = own if chosen is None else chosen.ranks.get(r["trial_id"], own)
    return str(low) if low == high else f"{low}-{high}"


def _interval(r: dict[str, Any], chosen: "Selection") -> str:
    estimate = chosen.values.get(r["trial_id"])
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.2f}-{estimate.high:.2f}"


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
