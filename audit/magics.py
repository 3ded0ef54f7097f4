"""Leaves the commands of IPython and of the shell out of a notebook's cell, without moving a line."""

import ast
import re

_PYTHON = ("time", "capture", "timeit", "prun")
"""Commands of a whole cell, the rest of which is Python."""
_TIMED = re.compile(r"%(time|timeit|prun)\b(\s+-\S+(\s+\d+)?)*\s+(?=\S)")
"""A command before a statement, with its options."""
_ASSIGNED = re.compile(r"(?P<kept>\s*[\w.,\[\]'\" ]+=\s*)(?P<command>[!%](?!=).*)")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_TOKEN = re.compile(r"\\[\s\S]|#[^\r\n]*|\"\"\"|'''|[\"'\r\n()\[\]{}]")
_END = {"'''": re.compile(r"(?:\\[\s\S]|[^\\])*?'''"), '"""': re.compile(r'(?:\\[\s\S]|[^\\])*?"""')}
_QUOTED = {
    "'": re.compile(r"(?:\\[\s\S]|[^\\'\r\n])*'?"),
    '"': re.compile(r'(?:\\[\s\S]|[^\\"\r\n])*"?'),
}


def lines_of(text: str) -> list[str]:
    """Returns the lines of a program, each with its end; those that Python counts."""
    return _LINE.findall(text)


def as_python(cell: str) -> str:
    """Returns a cell as Python: a command is a statement that does nothing, in as many lines.

    What stays has the line and the column that it had.
    """
    if not re.search(r"[%!?]", cell) or _parses(cell):
        return cell
    lines = lines_of(cell)
    first = next((k for k, line in enumerate(lines) if line.strip()), 0)
    whole = re.match(r"\s*%%(\w*)", lines[first])
    if whole:
        if whole[1] not in _PYTHON:
            return "".join(map(_end, lines))
        lines = [_end(line) if k <= first else line for k, line in enumerate(lines)]
    kept, k = list[str](), 0
    while k < len(lines):
        last = k
        while last + 1 < len(lines) and lines[last].rstrip("\r\n").endswith("\\"):
            last += 1
        said = _without_command(lines[k])
        if said is None:
            last = _last_of_statement(lines, k)
            kept += lines[k : last + 1]
        else:
            kept += [said, *map(_end, lines[k + 1 : last + 1])]
        k = last + 1
    return "".join(kept)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _without_command(line: str) -> str | None:
    """A line that begins a statement, without its command; None if it has none."""
    code = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    timed = _TIMED.match(code)
    if timed:
        statement = code[timed.end() :]
        if _parses(statement):  # the statement stays where it is, after one that does nothing
            return f"{indent}0{' ' * (timed.end() - 2)};{line[len(indent) + timed.end() :]}"
    if code.startswith(("%", "!", "?")) or (code.endswith("?") and not code.startswith("#")):
        return f"{indent}pass{_end(line)}"
    assigned = _ASSIGNED.match(line)
    if assigned and not _parses(code):
        return f"{assigned['kept']}_command(){_end(line)}"
    return None


def _last_of_statement(lines: list[str], first: int) -> int:
    """The index of the line with which the brackets, strings and continuations that begin in one end."""
    text = "".join(lines[first:])
    depth, at, line = 0, 0, first
    while (token := _TOKEN.search(text, at)) is not None:
        said, at = token[0], token.end()
        if said in ("\n", "\r"):
            if said == "\r" and text[at : at + 1] == "\n":
                at += 1
            if depth <= 0:
                return line
            line += 1
        elif said in _END or said in _QUOTED:
            ended = (_END[said] if said in _END else _QUOTED[said]).match(text, at)
            if ended is None:
                return len(lines) - 1
            line += len(re.findall(r"\r\n|\r|\n", ended[0]))
            at = ended.end()
        elif said.startswith("\\"):
            line += said[1] in "\r\n"
        elif said in "([{":
            depth += 1
        elif said in ")]}":
            depth -= 1
    return len(lines) - 1
