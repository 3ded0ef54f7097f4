"""Reads a notebook as one program, with the way back from its lines to cells."""

import ast
import bisect
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from audit.finding import Audited, Finding
from audit.magics import as_python, lines_of


class NotebookError(Exception):
    """A file is no notebook of Python; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of code.

    Args:
        number: its place among all cells, from 1.
        way: to its source in the file, such as `("cells", 3, "source")`.
        text: what stands in it.
    """

    number: int
    way: tuple[str | int, ...]
    text: str


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """A notebook as one program.

    Args:
        text: its cells of code one after the other, with commands of the shell and of IPython left out; a
            character stands where it stands in its cell.
        cells: these cells.
        starts: of each the line of `text` that its first line is, from 1, ascending.
        unknown: cells that are no Python, in words; their lines are empty.
    """

    text: str
    cells: tuple[Cell, ...]
    starts: tuple[int, ...]
    unknown: tuple[str, ...]

    def cell_of(self, line: int) -> tuple[int, int]:
        """Returns where a line of `text` lies: the index in `cells`, and the line in the cell from 1."""
        index = max(bisect.bisect_right(self.starts, line) - 1, 0)
        return index, line - self.starts[index] + 1

    def placed(self, found: Audited) -> Audited:
        """Returns what was found in `text` with the places of the notebook; edits stay those of `text`."""
        findings = tuple(self._placed(one) for one in found.findings)
        unknown = tuple(self._told(one) for one in found.unknown)
        return replace(found, findings=findings, unknown=(*unknown, *self.unknown))

    def _placed(self, finding: Finding) -> Finding:
        if not self.cells:
            return finding
        index, line = self.cell_of(finding.line)
        seen, message, fix = map(self._told, (finding.seen, finding.message, finding.fix))
        lines = lines_of(self.cells[index].text)
        code = lines[line - 1].strip() if line <= len(lines) else finding.code
        number = self.cells[index].number
        return replace(finding, line=line, cell=number, code=code, seen=seen, message=message, fix=fix)

    def _told(self, words: str) -> str:
        """Puts cell and line in the place of the lines that a sentence names."""

        def named(said: re.Match[str]) -> str:
            index, line = self.cell_of(int(said[1]))
            return f"cell {self.cells[index].number}, line {line}"

        return re.sub(r"\bline (\d+)\b", named, words) if self.cells else words


def read(raw: str) -> Notebook:
    """Reads a notebook of Python, of nbformat 3 or 4.

    Args:
        raw: its file.

    Raises:
        NotebookError: it is none.
    """
    try:
        held = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotebookError(f"a notebook must be JSON, but this gave: {error}") from None
    cells = tuple(_cells(held))
    starts, texts, unknown, line = list[int](), list[str](), list[str](), 1
    for cell in cells:
        text = as_python(cell.text)
        reason = _fault(text)
        if reason is not None:
            unknown.append(f"cell {cell.number} is not Python: {reason}")
            text = "\n" * len(lines_of(text))
        text = text if text.endswith(("\n", "\r")) else f"{text}\n"
        starts.append(line)
        texts.append(text)
        line += len(lines_of(text))
    return Notebook(text="".join(texts), cells=cells, starts=tuple(starts), unknown=tuple(unknown))


def _cells(held: Any) -> list[Cell]:
    """The cells of code, in order.

    Raises:
        NotebookError: what is held is no notebook, or one of another language.
    """
    if not isinstance(held, dict):
        raise NotebookError("a notebook must hold cells, but this holds none")
    told = held.get("metadata")
    language = _at(told, "language_info", "name") or _at(told, "kernelspec", "language") or "python"
    if not str(language).lower().startswith(("python", "ipython")):
        raise NotebookError(f"a notebook must be one of Python, but this is of {str(language)[:40]}")
    if isinstance(held.get("cells"), list):
        sheets: list[tuple[tuple[str | int, ...], Any]] = [(("cells",), held["cells"])]
    else:  # nbformat 3
        listed = held.get("worksheets")
        sheets = [
            (("worksheets", k, "cells"), _at(sheet, "cells"))
            for k, sheet in enumerate(listed if isinstance(listed, list) else [])
        ]
    if not sheets or not all(isinstance(cells, list) for _, cells in sheets):
        raise NotebookError("a notebook must hold cells, but this holds none")
    found, number = list[Cell](), 0
    for way, cells in sheets:
        for k, cell in enumerate(cells):
            number += 1
            if _at(cell, "cell_type") != "code":
                continue
            key = "source" if "source" in cell else "input"
            source = cell.get(key)
            lines = [source] if isinstance(source, str) else source
            if not isinstance(lines, list) or not all(isinstance(one, str) for one in lines):
                raise NotebookError(f"the source of a cell must be text, but that of cell {number} is not")
            found.append(Cell(number=number, way=(*way, k, key), text="".join(lines)))
    return found


def _at(held: Any, *keys: str) -> Any:
    for key in keys:
        held = held.get(key) if isinstance(held, dict) else None
    return held


def _fault(text: str) -> str | None:
    """Why a cell is no Python; None if it is."""
    try:
        ast.parse(text)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno} of the cell)"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return None
