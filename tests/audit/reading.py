"""Programs with their mistakes marked at the ends of lines, such as `# HS101`, and what the audit says."""

import re
from pathlib import Path
from textwrap import dedent

from audit.finding import Audited
from audit.source import audit_source

_MARK = re.compile(r"#((?: HS\d{3})+)$")


def audited(text: str) -> Audited:
    """What the audit says of a program."""
    return audit_source(dedent(text), Path("program.py"))


def found(text: str) -> list[tuple[int, str]]:
    """Line and rule of each finding."""
    result = audited(text)
    assert result.error is None
    assert not [note for note in result.unknown if "could not be followed" in note and "line" not in note]
    return sorted((one.line, one.rule.id) for one in result.findings)


def marked(text: str) -> list[tuple[int, str]]:
    """Line and rule of each mark."""
    marks = []
    for number, line in enumerate(dedent(text).splitlines(), start=1):
        mark = _MARK.search(line)
        if mark:
            marks += [(number, rule) for rule in mark[1].split()]
    return sorted(marks)
