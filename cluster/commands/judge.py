"""The command `judge`: how an existing Keras model is to be decoded and decided, and what that is worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.arguments import Policies, Require, Set, check_source, label_value, naming
from cluster.commands.decide import Positive
from cluster.terminal import PlainConsole, say
from spaces.errors import RunError

if TYPE_CHECKING:
    from search.data.rows import Rows
    from spaces.data import Npz, Table
    from spaces.study import Study

OPTIONS = {
    "path": "--data",
    "x": "--x",
    "features": "--x",
    "y": "--y",
    "label": "--y",
    "positive": "--positive",
    "group": "--group",
    "recording": "--recording",
    "time": "--time",
    "start": "--time",
    "window_s": "--window-s",
}
"""The options that stand for settings of `data`, by the settings' names."""


def _array(help_text: str) -> Any:
    return typer.Option(metavar="NAME", help=help_text, show_default=False)


def judge(
    model: Annotated[
        Path, typer.Argument(help="a model as model.save wrote it", metavar="MODEL.keras", show_default=False)
    ],
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="rows: a table (.csv, .parquet), arrays (.npz, .mat, .h5), or a folder of .npy files",
            show_default=False,
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="the folder, new or empty", show_default=False)],
    x: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="the array of inputs, X if left out; of a table columns or patterns such as 'x*', repeated",
            show_default=False,
        ),
    ] = None,
    y: Annotated[
        str, typer.Option(metavar="NAME", help="the array or column of labels, of two values")
    ] = "y",
    positive: Positive = None,
    group: Annotated[str | None, _array("the array or column that names patients or files")] = None,
    recording: Annotated[str | None, _array("the array or column that names recordings")] = None,
    time: Annotated[str | None, _array("the array or column of each row's start, in seconds")] = None,
    window_s: Annotated[float | None, typer.Option(help="seconds that each row covers")] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            metavar="LOSS",
            help="what it was trained on, such as bce or bce,from_logits=false; as compiled if left out",
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(metavar="HEAD", help="how it ends, see `spaces`; read from the model if left out"),
    ] = None,
    policy: Policies = None,
    require: Require = None,
    settings: Set = None,
) -> None:
    """Decode a Keras model as it was trained, choose its thresholds, and write the decision.

    Says what does not fit between its last layer and its loss, what the usual wrong decodes make of its
    outputs, and what it is worth on the given rows. Writes heads.yaml, the study that searches its heads.
    """
    from cluster.commands.decide import show_decisions
    from reports.boards.requirements import parse as parse_requirements
    from reports.boards.rescoring import read_policy
    from reports.decisions import heads_study
    from reports.decisions.judge import check_call
    from reports.decisions.judge import judge as judge_model
    from search.networks import backend
    from spaces.data import Table
    from spaces.trained_heads import check_head, written_loss

    told_loss = None if loss is None else written_loss(loss)
    if head is not None:
        check_head(head)
    check_call(model, to)
    named = {**_inputs(data, x, y), "group": group, "recording": recording, "time": time}
    named |= {} if window_s is None else {"window_s": window_s}
    named |= {} if positive is None else {"positive": label_value(positive)}
    with naming(OPTIONS):
        study, source = _study(model, data, named, settings or [])
    further = [read_policy(one) for one in policy or ()]
    if further:
        study = study.model_copy(update={"threshold": further[0]})
    requirements, console = parse_requirements(require or ()), PlainConsole()
    with naming(OPTIONS):
        rows = _rows(source)
        backend.start(study.resources.cpus)
        table = source if isinstance(source, Table) else None
        array = data.name if isinstance(source, Table) else source.x
        judged = judge_model(model, rows, array, study, to, further[1:], requirements, told_loss, head, table)
    heads_study.write(to, model.name, judged.model, rows, source, study)
    made = judged.decisions
    for line in judged.told:
        say(console, line)
    show_decisions(made, study, to, require or (), console, OPTIONS)
    say(console, f"its heads are searched by: python search.py run {to / heads_study.NAME}")


def _study(
    model: Path, data: Path, named: dict[str, Any], settings: list[str]
) -> "tuple[Study, Npz | Table]":
    """The study of the run, whose data are the model's scores, and the source of the rows."""
    from reports.decisions.judge import scores_of
    from search.data.sources.registry import paths_of
    from search.trials.preparation import with_absolute_paths
    from spaces.data import Npz, Table
    from spaces.study_file import parse, with_settings

    check_source(settings, "judge takes rows of a table or of arrays")
    written = with_settings({"data": {"path": str(data), **named}}, tuple(settings))
    rows = parse(written, "judge").data
    if not isinstance(rows, Npz | Table):
        raise RunError("judge takes rows of a table or of arrays")
    if isinstance(rows.positive, tuple):
        raise RunError("judge takes labels of two values, so one is positive, but --positive lists several")
    others = tuple(one for one in settings if not one.startswith("data."))
    study = parse(with_settings({"name": "judge", "data": scores_of(rows, model.name)}, others), "judge")
    return with_absolute_paths(study, Path.cwd()), rows.model_copy(update=paths_of(rows, Path.cwd()))


def _inputs(data: Path, x: list[str] | None, y: str) -> dict[str, Any]:
    """The settings that say what kind of source the rows are, and where their inputs and labels stand.

    Raises:
        RunError: several arrays of inputs, or no columns.
    """
    from search.data.sources.array_files import SUFFIXES

    if not data.is_dir() and data.suffix.lower() not in SUFFIXES:
        if x is None:
            raise RunError("--x must name the columns of the inputs, such as --x 'x*' (may be repeated)")
        return {"source": "table", "task": "binary", "features": x, "label": y}
    if x is not None and len(x) > 1:
        raise RunError(f"--x names one array of inputs, but got {', '.join(x)}")
    return {"source": "npz", "task": "binary", "x": x[0] if x else "X", "y": y}


def _rows(source: "Npz | Table") -> "Rows":
    from search.data.sources.npz import load_npz
    from search.data.sources.table import load_table
    from spaces.data import Table

    positive = OPTIONS["positive"]
    if isinstance(source, Table):
        return load_table(source, Path.cwd(), positive)
    return load_npz(source, Path.cwd(), positive)
