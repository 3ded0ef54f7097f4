"""Parses seizure annotations of CHB-MIT, SeizeIT1, TUH and BIDS.

Each reader returns start and end in seconds from the recording's start, as they stand there; an end that
the file does not know is NaN. Comments are passed over, and messages quote no free text: it may say who the
patient is.
"""

import math
import re
from collections.abc import Sequence

from search.data.sources.eeg.event_types import (
    TUH_OTHERS,
    TUH_SEIZURES,
    is_missing,
    is_seizure,
    mentions_seizure,
)
from spaces.errors import RunError

Interval = tuple[float, float]
"""Start and end in seconds from the recording's start."""

_NAMED = 5
"""Rows that a message names."""

_CHBMIT_COUNT = re.compile(r"\s*Number of Seizures in File:\s*(\d+)\s*", re.IGNORECASE)
_CHBMIT_TIME = re.compile(r"\s*Seizure\s*\d*\s*(Start|End) Time:(.*?)(seconds?)?\s*", re.IGNORECASE)


def chbmit(text: str, recording: str) -> list[Interval]:
    """Seizures of one recording from the `chbNN-summary.txt` of its patient.

    Args:
        text: the summary.
        recording: name of the EDF or BDF file without suffix.

    Raises:
        RunError: the summary does not mention the recording, or counts other seizures than it lists.
    """
    listed: set[tuple[Interval, ...]] = set()
    for block in re.split(r"^[ \t]*File Name:", text, flags=re.IGNORECASE | re.MULTILINE)[1:]:
        name, *lines = block.split("\n")
        if name.strip().removesuffix(".edf").removesuffix(".bdf") == recording:
            listed.add(tuple(_chbmit_block(lines)))
    if not listed:
        raise RunError("no annotation: the summary does not mention it")
    if len(listed) > 1:
        raise RunError("a summary must list a recording once, but it lists it with different seizures")
    return list(listed.pop())


def _chbmit_block(lines: Sequence[str]) -> list[Interval]:
    count: int | None = None
    edges: list[str] = []
    times: list[float] = []
    for line in lines:
        if found := _CHBMIT_COUNT.fullmatch(line):
            count = int(found[1])
        elif found := _CHBMIT_TIME.fullmatch(line):
            edges.append(found[1].lower())
            times.append(_seconds(found[2], edges[-1]))
    if count != edges.count("start") or not re.fullmatch("(start (end )?)*", " ".join([*edges, ""])):
        raise RunError(
            "a summary must list a start and then an end for each seizure it counts, but it counts "
            f"{'none' if count is None else count} and lists {', '.join(edges) or 'nothing'}"
        )
    seizures: list[Interval] = []
    for edge, time in zip(edges, times, strict=True):
        if edge == "start":
            seizures.append((time, math.nan))
        else:
            seizures[-1] = (seizures[-1][0], time)
    return seizures


def seizeit(text: str) -> list[Interval]:
    """Seizures from a SeizeIT1 `.tsv`: start, end, type and remarks, below lines of comments.

    Raises:
        RunError: a seizure without a start.
    """
    return [(_seconds(_cell(row, 0), "start"), _seconds(_cell(row, 1), "end")) for row in _rows(text)]


def tuh(text: str) -> list[Interval]:
    """Seizures from a TUH `.csv_bi` (channel, start, stop, label, confidence) or the older `.tse_bi`.

    Raises:
        RunError: no rows, a label that is unknown, a seizure without a start.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip() and not line.startswith("#")]
    head = lines[0].replace(" ", "") if lines else ""
    if head.startswith("channel,start_time,stop_time,label"):
        rows = [line.split(",")[1:] for line in lines[1:]]
    elif head.startswith("version"):
        rows = [line.split() for line in lines[1:]]
    else:
        raise RunError(
            "a TUH annotation must begin with its columns (channel,start_time,stop_time,label) or its "
            "version, but it does not"
        )
    if not rows:  # a seizure-free recording has a row of background
        raise RunError("a TUH annotation must have at least one row, but it has none")
    labels = [_cell(row, 2) for row in rows]
    for number, label in enumerate(labels, start=1):
        if label not in TUH_SEIZURES | TUH_OTHERS:
            known = " ".join(sorted(TUH_SEIZURES | TUH_OTHERS))
            raise RunError(f"labels of a TUH annotation must be of {known}, but that of row {number} is not")
    return [
        (_seconds(row[0], "start"), _seconds(row[1], "end"))
        for row, label in zip(rows, labels, strict=True)
        if label in TUH_SEIZURES
    ]


def bids(text: str, seizure_types: Sequence[str] = (), other_types: Sequence[str] = ()) -> list[Interval]:
    """Seizures from a BIDS `events.tsv`: rows whose `eventType`, else `trial_type`, names a seizure.

    Args:
        text: the table.
        seizure_types: names of seizures besides those of `event_types.is_seizure`.
        other_types: names of what is none.

    Raises:
        RunError: a column is missing, a name is in doubt, the two types contradict each other, a row
            without a type names a seizure in another column, a seizure has no onset.
    """
    head, *rows = [[_unquoted(cell) for cell in row] for row in _rows(text)] or [[]]
    columns = [name.strip().casefold() for name in head]
    kinds = [columns.index(name) for name in ("eventtype", "trial_type") if name in columns]
    beside = [columns.index(name) for name in ("value", "description", "hed") if name in columns]
    lacking = [name for name in ("onset", "duration") if name not in columns]
    lacking += ["eventType or trial_type"] * (not kinds)
    if lacking:
        raise RunError(
            "events must have the columns onset, duration and eventType or trial_type, but lack "
            + ", ".join(lacking)
        )
    told = []
    for number, row in enumerate(rows, start=1):
        types = [_cell(row, column) for column in kinds]
        given = [kind for kind in types if not is_missing(kind)]
        meant = {is_seizure(kind, seizure_types, other_types) for kind in given}
        if {True, False} <= meant:
            raise RunError(
                "eventType and trial_type must agree on whether an event is a seizure, but those of row "
                f"{number} do not; correct the table"
            )
        listed = {name.strip().casefold() for name in (*seizure_types, *other_types)}
        if not given and types[0].casefold() not in listed:
            texts = [_cell(row, column) for column in beside]
            if any(mentions_seizure(text, seizure_types, other_types) for text in texts):
                raise RunError(
                    f"an event that is a seizure must have a type that says so, but row {number} has none "
                    "and names a seizure in value, description or HED; write it into eventType"
                )
        # A row that stops short may have lost its type, or a cell before it.
        kind = (given or types)[0]
        told.append(is_seizure(kind, seizure_types, other_types) if len(row) > kinds[0] else None)
    _check_told(told)
    seizures = []
    for row, seizure in zip(rows, told, strict=True):
        if seizure:
            start = _seconds(_cell(row, columns.index("onset")), "start")
            seizures.append((start, start + _seconds(_cell(row, columns.index("duration")), "end")))
    return seizures


def _check_told(told: Sequence[bool | None]) -> None:
    doubtful = [str(number) for number, seizure in enumerate(told, start=1) if seizure is None]
    if doubtful:
        one = len(doubtful) == 1
        more = f" and {len(doubtful) - _NAMED} more" if len(doubtful) > _NAMED else ""
        raise RunError(
            "every event type must be known as a seizure or as something else, but "
            f"{'that of row' if one else 'those of rows'} {', '.join(doubtful[:_NAMED])}{more} "
            f"{'is' if one else 'are'} not; list {'it' if one else 'them'} in data.seizure_types or "
            "data.other_types"
        )


def _rows(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.split("\n") if line.strip() and not line.startswith("#")]


def _unquoted(cell: str) -> str:
    """A cell without the quotation marks that some programs write around it."""
    bare = cell.strip()
    return bare[1:-1] if len(bare) > 1 and bare[0] == bare[-1] == '"' else bare


def _cell(row: Sequence[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def _seconds(text: str, edge: str) -> float:
    """NaN for an end that is not known."""
    text = text.strip()
    if is_missing(text):
        if edge == "end":
            return math.nan
        raise RunError("annotation without a start: a seizure needs both")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RunError(f"the {edge} of a seizure must be a number of seconds, but one is none")
    return value
