"""Applies the edits of findings to a program or a notebook, all that fit or none of the file."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Protocol

from audit.files import audited_notebook, audited_text, decoded, decoded_notebook
from audit.finding import Audited, Edit, Finding
from audit.magics import lines_of
from audit.notebook_edits import with_cells
from audit.notebooks import Notebook, read

MOST_PASSES = 10
"""A fix may make room for another: two whose edits overlap are applied one after the other."""


class FixError(Exception):
    """An edit does not fit; the message says which, and the file stays as it is."""


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A file after its fixes.

    Args:
        content: the file's new bytes; None if it stays as it is.
        done: the findings that are mended.
        left: what is found now.
        refused: why nothing was changed, though something could be; None otherwise.
    """

    content: bytes | None
    done: tuple[Finding, ...]
    left: Audited
    refused: str | None = None


class _Document(Protocol):
    """A file whose text can be edited."""

    @property
    def text(self) -> str:
        """The program in it."""

    def audited(self) -> Audited:
        """What is wrong with it; places are those of the file."""

    def edited(self, edits: Sequence[Edit]) -> "_Document":
        """Returns it with other text; raises FixError."""

    def content(self) -> bytes:
        """The file's bytes."""


@dataclass(frozen=True)
class _Program:
    path: Path
    text: str
    encoding: str

    def audited(self) -> Audited:
        return audited_text(self.text, self.path)

    def edited(self, edits: Sequence[Edit]) -> "_Program":
        return _Program(self.path, with_edits(self.text, edits), self.encoding)

    def content(self) -> bytes:
        return self.text.encode(self.encoding)


@dataclass(frozen=True)
class _NotebookFile:
    path: Path
    raw: str
    marked: bool
    notebook: Notebook

    @property
    def text(self) -> str:
        return self.notebook.text

    def audited(self) -> Audited:
        return audited_notebook(self.notebook, self.path)

    def edited(self, edits: Sequence[Edit]) -> "_NotebookFile":
        by_cell: dict[int, list[Edit]] = {}
        for edit in edits:
            index, first = self.notebook.cell_of(edit.start[0])
            end_index, last = self.notebook.cell_of(edit.end[0])
            if index != end_index:
                raise FixError("an edit must lie within one cell")
            moved = Edit(start=(first, edit.start[1]), end=(last, edit.end[1]), text=edit.text)
            if _at(self.text, edit) != _at(self.notebook.cells[index].text, moved):
                raise FixError("an edit must not touch a command of IPython")
            by_cell.setdefault(index, []).append(moved)
        changed = {
            self.notebook.cells[k]: tuple(_spans(self.notebook.cells[k].text, by_cell[k])) for k in by_cell
        }
        try:
            raw = with_cells(self.raw, changed)
        except ValueError as error:
            raise FixError(str(error)) from None
        return _NotebookFile(self.path, raw, self.marked, read(raw))

    def content(self) -> bytes:
        return self.raw.encode("utf-8-sig" if self.marked else "utf-8")


def fixed(path: Path) -> Fixed:
    """Applies what is safe to a program or a notebook; the file is not written.

    Args:
        path: a file without an error.
    """
    document: _Document
    if path.suffix.lower() == ".ipynb":
        raw = decoded_notebook(path)
        marked = path.read_bytes().startswith(b"\xef\xbb\xbf")
        document = _NotebookFile(path, raw, marked, read(raw))
    else:
        document = _Program(path, *decoded(path))
    first = found = document.audited()
    done = list[Finding]()
    try:
        for _ in range(MOST_PASSES):
            taken, edits = _apart(document, found)
            if not taken:
                break
            document = document.edited(edits)
            found, before = document.audited(), found
            _check(before, found)
            done += taken
        for finding in found.findings:
            if finding.edits:
                raise FixError(f"the fix of {finding.rule.id} did not mend it")
        if done and len(found.findings) >= len(first.findings):
            raise FixError(f"the fix of {done[0].rule.id} made another finding")
        content = document.content() if done else None
    except FixError as error:
        return Fixed(content=None, done=(), left=first, refused=str(error))
    except UnicodeEncodeError:
        return Fixed(content=None, done=(), left=first, refused="the file's encoding lacks a character")
    return Fixed(content=content, done=tuple(done), left=found)


def with_edits(text: str, edits: Sequence[Edit]) -> str:
    """Returns a text with its edits applied, which do not overlap.

    Raises:
        FixError: one lies outside.
    """
    for start, end, put in sorted(_spans(text, edits), reverse=True):
        text = text[:start] + put + text[end:]
    return text


def difference(text: str, finding: Finding) -> list[str]:
    """Returns the lines that the edits of a finding change, before and after, without their common indent.

    Args:
        text: what `audit.files.text_of` says of its file.
        finding: with edits.

    Raises:
        FixError: an edit lies outside.
    """
    after = with_edits(text, finding.edits)
    changes = unified_diff(lines_of(text), lines_of(after), n=0)
    rows = [row.rstrip("\r\n") for row in list(changes)[2:] if not row.startswith("@@")]
    indent = min((len(row[1:]) - len(row[1:].lstrip()) for row in rows if row[1:].strip()), default=0)
    return [f"{row[0]} {row[1 + indent :]}" for row in rows]


def _apart(document: _Document, found: Audited) -> tuple[list[Finding], list[Edit]]:
    """The findings that can be mended at once, and their edits: none overlaps another."""
    starts = _starts(document.text)
    taken, edits = list[Finding](), list[Edit]()
    for finding in found.findings:
        new = [edit for edit in finding.edits if edit not in edits]
        if finding.edits and not any(_overlap(a, b, starts) for a in new for b in edits):
            taken.append(finding)
            edits += new
    return taken, edits


def _overlap(one: Edit, other: Edit, starts: Sequence[int]) -> bool:
    """Whether two edits touch: the order of two insertions at one place would be a guess."""
    (a, b), (c, d) = _span(one, starts), _span(other, starts)
    return a <= d and c <= b


def _check(before: Audited, after: Audited) -> None:
    """Shows that a program is still one, of which as much can be followed.

    Raises:
        FixError: it is not.
    """
    if after.error is not None:
        raise FixError(f"with its fixes the file {after.error}")
    if len(after.unknown) > len(before.unknown):
        raise FixError("with its fixes less of the file could be followed")


def _at(text: str, edit: Edit) -> str:
    [(start, end, _)] = _spans(text, [edit])
    return text[start:end]


def _spans(text: str, edits: Sequence[Edit]) -> list[tuple[int, int, str]]:
    """Of each edit where it starts and ends in the text, from 0, and what it puts there."""
    starts, found = _starts(text), list[tuple[int, int, str]]()
    for edit in edits:
        start, end = _span(edit, starts)
        if start > end:
            raise FixError(f"an edit must not end before it starts, but one of line {edit.start[0]} does")
        found.append((start, end, edit.text))
    return found


def _starts(text: str) -> list[int]:
    """Where each line starts; one more at the end."""
    starts = [0]
    for line in lines_of(text):
        starts.append(starts[-1] + len(line))
    return starts


def _span(edit: Edit, starts: Sequence[int]) -> tuple[int, int]:
    return _offset(edit.start, starts), _offset(edit.end, starts)


def _offset(place: tuple[int, int], starts: Sequence[int]) -> int:
    line, column = place
    if not 1 <= line < len(starts) or not 0 <= column <= starts[line] - starts[line - 1]:
        raise FixError(f"an edit must lie within the file, but one is at line {line}, column {column}")
    return starts[line - 1] + column
