"""The arguments and options that several commands share."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from spaces.errors import RunError


def _folder(run: str) -> Path:
    from search.runs.storage import check_no_secret, is_uri

    if is_uri(run):
        check_no_secret(run)
        raise RunError(
            "this takes a run's folder, but got a URI; bring the run back first: "
            f"python search.py resume {run}"
        )
    return Path(run)


def label_value(text: str) -> bool | int | float | str:
    """Returns the label that an option names, as a study would hold it: `1` is a number, `seizure` text."""
    from spaces import yaml_text

    try:
        value = yaml_text.load(text)
    except yaml_text.YamlError:
        return text
    return value if isinstance(value, bool | int | float | str) else text


def as_typed(text: str, options: Mapping[str, str]) -> str:
    """Returns a message with the options that were typed in place of the settings that they stand for.

    Args:
        text: the message.
        options: of each setting of `data` its option, such as `{"positive": "--positive"}`; any other
            setting is told as `--set` takes it.
    """

    from spaces.data import Npz, Scores, Table

    known = {*Npz.model_fields, *Scores.model_fields, *Table.model_fields} - {
        "source",
        "path",
    } | options.keys()

    def option(found: re.Match[str]) -> str:
        name, value = found["name"], found["value"]
        if name in options:
            return options[name]
        return f"--set data.{name}" + (f"={value}" if value else "")

    names = "|".join(sorted(known))
    setting = rf"(?<![\w./-])(?<!--set )data\.(?P<name>{names})\b(?!\.)(?:: (?P<value>true|false)\b)?"
    return re.sub(setting, option, text)


def check_source(settings: Iterable[str], rule: str) -> None:
    """Refuses another source of data than the one that a command takes.

    Args:
        settings: as `--set` takes them.
        rule: what the command takes.

    Raises:
        RunError: one names another source.
    """
    for one in settings:
        if one.partition("=")[0].strip() == "data.source":
            raise RunError(f"{rule}, so data.source must stay as it is, but got --set {one}")


@contextmanager
def naming(options: Mapping[str, str]) -> Iterator[None]:
    """Makes errors name what the user typed, see `as_typed`.

    Raises:
        RunError: what was raised, in these words.
    """
    try:
        yield
    except RunError as error:
        raise RunError(as_typed(str(error), options), exit_code=error.exit_code) from error


Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="change a setting, such as budget.trials=8; may be repeated"
    ),
]
Name = Annotated[
    str | None, typer.Option(metavar="NAME", help="name of the run's folder; the study's name if left out")
]
Address = Annotated[
    Literal["auto", "local"] | None,
    typer.Option(help="auto: the cluster this host is in; local: a new one; left out: whichever there is"),
]
Run = Annotated[
    Path,
    typer.Argument(
        help="a run's folder, such as runs/quickstart", parser=_folder, metavar="RUN", show_default=False
    ),
]
RunOrCopy = Annotated[
    str,
    typer.Argument(
        help="a run's folder, or its copy STORAGE/NAME, a folder or a URI", metavar="RUN", show_default=False
    ),
]
StudyFile = Annotated[Path, typer.Argument(help="a study file", metavar="STUDY.yaml", show_default=False)]
Require = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LIMIT", help="what a trial must reach, such as sensitivity.min=0.95; may be repeated"
    ),
]
Trial = Annotated[str | None, typer.Option(metavar="ID", help="a trial's id; the best if left out")]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULE",
        help="a rule, such as max_f1 or cost,c_fn=10; may be repeated; the study's if left out",
    ),
]
