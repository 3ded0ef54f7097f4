"""What was found, for other tools: JSON, and the commands that GitHub shows beside a change."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from audit.finding import Audited, Finding

_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def as_json(files: Sequence[Audited]) -> str:
    """Returns what was found in files as one JSON object.

    Its `findings` are in the order of files and lines; `cell` is null but in notebooks; `edits` have lines
    from 1 and columns from 0, those of a notebook in its cells of code one after the other.
    """
    content = {
        "findings": [_finding(one) for file in files for one in file.findings],
        "unknown": {str(file.path): list(file.unknown) for file in files if file.unknown},
        "errors": {str(file.path): file.error for file in files if file.error is not None},
        "files": len(files),
    }
    return json.dumps(content, indent=2)


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "name": one.rule.name,
        "severity": one.rule.severity,
        "path": str(one.path),
        "cell": one.cell,
        "line": one.line,
        "column": one.column,
        "code": one.code,
        "message": one.message,
        "fix": one.fix,
        "seen": one.seen,
        "edits": [{"start": list(e.start), "end": list(e.end), "text": e.text} for e in one.edits],
    }


def as_github(files: Iterable[Audited]) -> str:
    """Returns workflow commands, a line for each finding and for each file that could not be read."""
    lines = list[str]()
    for file in files:
        if file.error is not None:
            lines.append(_command("error", file.path.as_posix(), None, "could not be read", file.error))
        for one in file.findings:
            cell = "" if one.cell is None else f", cell {one.cell}, line {one.line}"
            title = f"{one.rule.id} {one.rule.name}{cell}"
            # The lines of a notebook's cells are not those of its file.
            place = (one.line, one.column) if one.cell is None else None
            said = f"{one.message}; fix: {one.fix}"
            lines.append(_command(_GITHUB[one.rule.severity], one.path.as_posix(), place, title, said))
    return "\n".join(lines)


def _command(kind: str, path: str, place: tuple[int, int] | None, title: str, message: str) -> str:
    said = {"file": path}
    if place is not None:
        said |= {"line": str(place[0]), "col": str(place[1])}
    properties = ",".join(f"{key}={_property(value)}" for key, value in {**said, "title": title}.items())
    return f"::{kind} {properties}::{_data(message)}"


def _data(text: str) -> str:
    """A text as a workflow command holds it; control characters that it has no way to hold are left out."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(one for one in text if one.isprintable())


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
