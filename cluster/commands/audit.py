"""The command `audit`: finds mistakes in programs, notebooks and saved models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cluster.terminal import PlainConsole, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.finding import Audited

Form = Literal["text", "json", "sarif", "github"]
FOUND, UNREAD = 1, 2
"""Exit codes where something was found, and where a file could not be read; 0 otherwise."""


def audit(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="programs (.py), notebooks (.ipynb), saved models (.keras), and folders of these",
            metavar="FILE...",
            show_default=False,
        ),
    ],
    form: Annotated[
        Form, typer.Option("--format", help="lines for people, or a form for other tools")
    ] = "text",
    fix: Annotated[
        bool, typer.Option("--fix", help="apply the fixes that are safe to programs and notebooks")
    ] = False,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="list what could not be followed, to which no rule was applied")
    ] = False,
) -> None:
    """Find mistakes in Keras programs, notebooks and models: how they end, train and decide.

    Programs are read and never run. Exit code 0: nothing found; 1: findings; 2: a file could not be read.
    A line with the comment `# headsearch: ignore[HS101]` keeps that finding back.
    """
    from audit.files import audit_file, files_of

    found = [audit_file(path) for path in files_of(files)]
    console = PlainConsole()
    if fix:
        # Other tools read the standard output.
        found = _fixed(found, console if form == "text" else PlainConsole(stderr=True))
    _show(found, form, console, unknown=unknown)
    code = UNREAD if any(one.error is not None for one in found) else 0
    code = code or (FOUND if any(one.findings for one in found) else 0)
    if code:
        raise typer.Exit(code)


def _fixed(found: "Sequence[Audited]", console: PlainConsole) -> "list[Audited]":
    """Applies what is safe, file by file, and says what; returns what is found now."""
    from audit.fixes import fixed
    from cluster.commands.audit_lines import place
    from search.files import write_atomically

    left = []
    for one in found:
        if not any(finding.edits for finding in one.findings):
            left.append(one)
            continue
        result = fixed(one.path)
        if result.refused is not None:
            say(console, f"{one.path} stays as it is: {result.refused}", "yellow")
        if result.content is not None:
            target = one.path.resolve()  # a link stays one
            mode = target.stat().st_mode & 0o7777
            write_atomically(target, result.content)
            target.chmod(mode)
        for finding in result.done:
            say(
                console,
                f"fixed {place(finding)}: {finding.rule.id} {finding.rule.name}: {finding.fix}",
                "green",
            )
        left.append(result.left)
    return left


def _show(found: "Sequence[Audited]", form: Form, console: PlainConsole, *, unknown: bool) -> None:
    if form == "text":
        from cluster.commands.audit_lines import show

        show(found, console, unknown=unknown)
        return
    if form == "sarif":
        from audit.sarif import as_sarif as written
    elif form == "json":
        from audit.for_tools import as_json as written
    else:
        from audit.for_tools import as_github as written
    if said := written(found):
        typer.echo(said)
