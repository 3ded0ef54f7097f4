"""The arguments and options that several commands share."""

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
