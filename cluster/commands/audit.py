"""The command `audit`: finds mistakes in programs, notebooks and saved models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cluster.terminal import PlainConsole, say
from spaces.errors import RunError

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
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="X.npz",
            help="rows that one saved model is run on: inputs X, and labels y if there are any",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="the array of labels in --data", show_default=False),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.yaml",
            help="write the study that searches the right heads for the network with findings",
            show_default=False,
        ),
    ] = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="list what could not be followed, to which no rule was applied")
    ] = False,
) -> None:
    """Find mistakes in Keras programs, notebooks and models: how they end, train and decide.

    Programs are read and never run. Exit code 0: nothing found; 1: findings; 2: a file could not be read.
    A line with the comment `# headsearch: ignore[HS101]` keeps that finding back.
    """
    from audit.files import audit_file, files_of

    paths, told = files_of(files), tuple[str, ...]()
    console, rows, dtype = PlainConsole(), None, "float32"
    if data is not None:
        from cluster.commands.audit_probe import audit_on_data

        one, told, rows, dtype = audit_on_data(paths, data, labels)
        found = [one]
    else:
        check_no_labels(labels)
        found = [audit_file(path) for path in paths]
    if fix:
        # Other tools read the standard output.
        found = _fixed(found, console if form == "text" else PlainConsole(stderr=True))
    if form == "text":
        for line in told:
            say(console, line)
    _show(found, form, console, unknown=unknown)
    if study is not None:
        from cluster.commands.audit_study import write_study

        # Other tools read the standard output.
        say(console if form == "text" else PlainConsole(stderr=True), write_study(study, found, rows, dtype))
    code = UNREAD if any(one.error is not None for one in found) else 0
    code = code or (FOUND if any(one.findings for one in found) else 0)
    if code:
        raise typer.Exit(code)


def check_no_labels(labels: str | None) -> None:
    """Refuses labels without rows.

    Raises:
        RunError: there are some.
    """
    if labels is not None:
        raise RunError(f"--labels names an array of --data, which is not given, but got {labels!r}")


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
        from audit.output_formats import as_json as written
    else:
        from audit.output_formats import as_github as written
    if said := written(found):
        say(console, said)
