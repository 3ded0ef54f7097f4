"""Changes cells in the text of a notebook's file; every byte that is not in a changed line stays."""

import json
import re
from collections.abc import Mapping, Sequence

from audit.notebooks import Cell

Span = tuple[int, int]
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def with_cells(raw: str, changed: Mapping[Cell, Sequence[tuple[int, int, str]]]) -> str:
    """Returns a notebook's file with other text in its cells.

    Args:
        raw: the file.
        changed: of cells what is put where: start, end (exclusive), from 0 in the cell's text, and the text;
            none overlaps another.

    Raises:
        ValueError: a cell is not where it is said to be.
    """
    put = list[tuple[int, int, str]]()
    for cell, edits in changed.items():
        try:
            spans = _strings(raw, _place(raw, cell.way))
            lines = [str(json.loads(raw[start:end])) for start, end in spans]
        except ValueError:
            lines = []
        if "".join(lines) != cell.text:  # of a name that stands twice, the last value was read
            raise ValueError(f"cell {cell.number} must be where it was read, but a name stands there twice")
        for (start, end), line, new in zip(spans, lines, _edited(lines, edits), strict=True):
            if new != line:
                put.append((start, end, json.dumps(new, ensure_ascii=raw[start:end].isascii())))
    for start, end, text in sorted(put, reverse=True):
        raw = raw[:start] + text + raw[end:]
    return raw


def _edited(lines: Sequence[str], edits: Sequence[tuple[int, int, str]]) -> list[str]:
    """Lines with edits of the text they make; what an edit puts there goes to the line it starts in."""
    found, end = list[str](), sum(map(len, lines))
    for line in reversed(lines):
        start, new = end - len(line), line
        for first, last, text in sorted(edits, reverse=True):
            lies_here = start <= first < end or (first == end == sum(map(len, lines)) and not found)
            if lies_here:
                new = new[: first - start] + text + new[min(last, end) - start :]
            elif first < start < last:
                new = new[min(last, end) - start :]
        found.append(new)
        end = start
    return found[::-1]


def _place(raw: str, way: Sequence[str | int]) -> int:
    """Where a value of a JSON text starts."""
    at = _past(raw, 0)
    for step in way:
        opened = raw[at]
        if opened != ("{" if isinstance(step, str) else "["):
            raise ValueError("another kind of value")
        at, count = _past(raw, at + 1), 0
        while True:
            if opened == "{":
                name, at = _DECODER.raw_decode(raw, at)
                at = _past(raw, _past(raw, at) + 1)
                if name == step:
                    break
            elif count == step:
                break
            _, at = _DECODER.raw_decode(raw, at)
            at = _past(raw, _past(raw, at) + 1)
            count += 1
    return at


def _strings(raw: str, at: int) -> list[Span]:
    """The spans of a string, or of those in a list."""
    if raw[at] != "[":
        return [(at, _DECODER.raw_decode(raw, at)[1])]
    found, at = list[Span](), _past(raw, at + 1)
    while raw[at] != "]":
        _, end = _DECODER.raw_decode(raw, at)
        found.append((at, end))
        at = _past(raw, end)
        at = _past(raw, at + 1) if raw[at] == "," else at
    return found


def _past(raw: str, at: int) -> int:
    """The first place from there on that is no space."""
    found = _SPACE.match(raw, at)
    return at if found is None else found.end()
