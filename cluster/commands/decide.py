"""The command `decide`: thresholds, intervals, events and a decision for scores of models that exist."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cluster.arguments import Policies, Require, Set, as_typed, check_source, label_value, naming
from cluster.terminal import PlainConsole, say
from spaces.errors import RunError

if TYPE_CHECKING:
    from reports.decisions.decide import Decisions
    from search.data.sources.scores import Given
    from search.evaluation.binary import Policy
    from spaces.data import Scores
    from spaces.study import Study

OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in ("label", "score", "group", "recording", "start", "window_s", "seizures", "positive")
} | {"time": "--start", "path": "SCORES"}
"""The options that stand for settings of `data`, by the settings' names."""


def _column(help_text: str) -> Any:
    return typer.Option(metavar="COLUMN", help=help_text, show_default=False)


ScoresFile = Annotated[
    Path,
    typer.Argument(
        help="a table (.csv, .parquet) or arrays (.npz, .mat, .h5)", metavar="SCORES", show_default=False
    ),
]
LabelColumn = Annotated[str, _column("the column of labels")]
ScoreColumns = Annotated[
    list[str], _column("a column of probabilities or scores, higher for the positive class; may be repeated")
]
Positive = Annotated[
    str | None,
    typer.Option(metavar="VALUE", help="the label of the positive class; needed unless labels are 0/1"),
]
GroupColumn = Annotated[str | None, _column("the column that names patients or files")]
RecordingColumn = Annotated[str | None, _column("the column that names recordings")]
StartColumn = Annotated[str | None, _column("the column of each row's start, in seconds")]


def decide(
    scores: ScoresFile,
    label: LabelColumn,
    score: ScoreColumns,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="the folder, new or empty", show_default=False)],
    positive: Positive = None,
    group: GroupColumn = None,
    recording: RecordingColumn = None,
    start: StartColumn = None,
    window_s: Annotated[float | None, typer.Option(help="seconds that each row covers")] = None,
    seizures: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="a table of true seizures: recording, start and end, in seconds of --start",
            show_default=False,
        ),
    ] = None,
    policy: Policies = None,
    require: Require = None,
    settings: Set = None,
) -> None:
    """Choose thresholds for scores of any model, and write the decision.

    Shows what each column of scores is worth under each rule, as `leaderboard` shows trials. The first rule
    decides.
    """
    from reports.boards.rescoring import read_policy
    from search.data.sources.scores import read_scores

    data = {
        "source": "scores",
        "path": str(scores),
        "label": label,
        "score": score,
        "group": group,
        "recording": recording,
        "start": start,
        "window_s": window_s,
        "seizures": None if seizures is None else str(seizures),
    }
    data |= {} if positive is None else {"positive": label_value(positive)}
    with naming(OPTIONS):
        study, given_as = _study(data, settings or [])
    further = [read_policy(one) for one in policy or ()]
    if further:
        study = study.model_copy(update={"threshold": further[0]})
    with naming(OPTIONS):
        given = read_scores(given_as, Path.cwd())
        decide_given(given, study, to, further[1:], tuple(require or ()), PlainConsole())


def decide_given(
    given: "Given",
    study: "Study",
    to: Path,
    policies: "Sequence[Policy]",
    requirements: Sequence[str],
    console: Console,
) -> None:
    """Writes what scores are worth and the decision, and shows both.

    Args:
        given: the scores.
        study: its data are `Scores`; its threshold is the rule that decides.
        to: the folder, new or empty.
        policies: further rules.
        requirements: as they are written, see `requirements.parse`.
        console: where they are shown.

    Raises:
        RunError: see `reports.decisions.decide.decide`.
    """
    from reports.boards.requirements import parse
    from reports.decisions.decide import decide as decide_scores

    made = decide_scores(given, study, to, policies, parse(requirements))
    show_decisions(made, study, to, requirements, console)


def show_decisions(
    made: "Decisions",
    study: "Study",
    to: Path,
    requirements: Sequence[str],
    console: Console,
    options: Mapping[str, str] = OPTIONS,
) -> None:
    """Prints the leaderboards of scores that were decided upon, writes the page and the best decision.

    Args:
        made: the run, and what is to be said of its rows.
        study: its study.
        to: its folder.
        requirements: what the decision must reach.
        console: prints.
        options: what notes name instead of settings, see `as_typed`.

    Raises:
        RunError: see `reports.decisions.promotion.promote`.
    """
    from cluster.commands.leaderboard import show_rows
    from reports.boards.selection import selection
    from reports.page import page

    for note in made.notes:
        say(console, as_typed(note, options))
    show_rows(made.run.leaderboard, f"{to}, {study.threshold.policy}", console)
    for one in made.rescored:
        show_rows(one.path, f"{to}, {one.policy}", console)
    path = page.write(made.run, selection=selection(made.run))
    say(console, f"\npage: {path}")
    for line in write_decision(made.run.path, to / "decision", requirements):
        say(console, line)


def write_decision(
    run: Path,
    to: Path,
    requirements: Sequence[str] = (),
    trial_id: str | None = None,
    threshold_score: float | None = None,
    *,
    force: bool = False,
) -> list[str]:
    """Writes the decision of a row; returns lines to print. Arguments as `promotion.promote` takes them."""
    from reports.boards.requirements import parse
    from reports.bundles.card import number
    from reports.decisions.promotion import promote
    from search.runs.run_folder import RunFolder

    found = promote(RunFolder(run), to, trial_id, parse(requirements), threshold_score, force=force)
    told = found.told
    return [
        f"decision: {found.column} -> {to}: {told['objective']} {number(told['value'])}, cross-fitted by "
        f"{told['cross_fit_by']}; threshold by {told['chosen_by']}",
        "no rows were set aside for a test: what it is worth on new rows, only new rows tell",
    ]


def _study(data: dict[str, Any], settings: Sequence[str]) -> "tuple[Study, Scores]":
    from search.trials.preparation import with_absolute_paths
    from spaces.data import Scores
    from spaces.study_file import parse, with_settings

    check_source(settings, "decide takes scores")
    study = parse(with_settings({"name": "decide", "data": data}, tuple(settings)), "decide")
    if not isinstance(study.data, Scores):
        raise RunError("decide takes scores")
    return with_absolute_paths(study, Path.cwd()), study.data
