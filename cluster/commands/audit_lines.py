"""What an audit found, in lines for people."""

from collections import Counter
from collections.abc import Sequence

from audit.files import text_of
from audit.finding import Audited, Finding
from audit.fixes import FixError, difference
from cluster.terminal import PlainConsole, say

_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}


def place(finding: Finding) -> str:
    """Returns where a finding is, as editors and terminals open it."""
    if finding.cell is not None:
        return f"{finding.path}: cell {finding.cell}, line {finding.line}"
    if finding.path.suffix.lower() == ".py":
        return f"{finding.path}:{finding.line}:{finding.column}"
    return str(finding.path)


def show(found: Sequence[Audited], console: PlainConsole, *, unknown: bool) -> None:
    """Prints the findings of files, those that could not be read, and how many of what.

    Args:
        found: of each file.
        console: where to.
        unknown: whether to list what could not be followed.
    """
    for one in found:
        if one.error is not None:
            say(console, _line(f"{one.path}: {one.error}"), "bold red")
        for finding in one.findings:
            _show(finding, console)
        for what in one.unknown if unknown else ():
            say(console, _line(f"{one.path}: not followed: {what}"), "dim")
    say(console, _summary(found, listed=unknown))


def _show(finding: Finding, console: PlainConsole) -> None:
    rule = finding.rule
    say(console, _line(f"{place(finding)}: {rule.severity} {rule.id} {rule.name}"), _STYLES[rule.severity])
    if finding.code:
        say(console, _line(f"    {finding.code}"))
    seen = f" ({finding.seen})" if finding.seen else ""
    say(console, _line(f"  {finding.message}{seen}"))
    say(console, _line(f"  fix: {finding.fix}"))
    if finding.edits:
        try:
            rows = difference(text_of(finding.path), finding)
        except FixError:
            rows = []
        for row in rows:
            say(console, _line(f"    {row}"), "red" if row.startswith("-") else "green")
    say(console, "")


def _summary(found: Sequence[Audited], *, listed: bool) -> str:
    findings = [finding for one in found for finding in one.findings]
    unread = sum(one.error is not None for one in found)
    parts = list[str]()
    if findings:
        kinds = Counter(finding.rule.severity for finding in findings)
        told = ", ".join(_count(kinds[kind], kind) for kind in ("error", "warning", "note") if kinds[kind])
        files = sum(bool(one.findings) for one in found)
        parts.append(
            f"{_count(len(findings), 'finding')} in {files} of {_count(len(found), 'file')} ({told})"
        )
        if mendable := sum(bool(finding.edits) for finding in findings):
            parts.append(f"--fix applies {_count(mendable, 'fix', 'fixes')}")
        parts.append("docs/audit.md has a page on each rule")
    else:
        parts.append(f"no findings in {_count(len(found) - unread, 'file')}")
    if unread:
        parts.append(f"{_count(unread, 'file')} could not be read")
    unknown = sum(len(one.unknown) for one in found)
    if unknown and not listed:
        parts.append(f"{_count(unknown, 'thing')} could not be followed (--unknown lists them)")
    return "; ".join(parts)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _line(text: str) -> str:
    """A text on one line, whatever a program or a path holds."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
