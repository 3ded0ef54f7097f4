"""The command `decide`: thresholds, intervals, events and a decision for scores of models that exist."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from spaces.errors import RunError

if TYPE_CHECKING:
    from spaces.data import Scores
    from spaces.study import Study


def decide(
    data: dict[str, Any],
    policies: Sequence[str],
    requirements: Sequence[str],
    settings: Sequence[str],
    to: Path,
    console: Console,
) -> None:
    """Decides, shows a leaderboard for each policy, and writes the page and the decision.

    Args:
        data: settings of the source `scores`.
        policies: as `reports.boards.rescoring.read_policy` takes them; none for the default.
        requirements: as `reports.boards.requirements.parse` takes them.
        settings: `a.b=c`, laid over the study.
        to: the folder, new or empty.
        console: where rows and notes are shown.

    Raises:
        RunError: something cannot be asked; or, with exit code 1, no row can be decided upon.
    """
    from cluster.commands.leaderboard import show_rows
    from reports.boards.requirements import parse
    from reports.boards.rescoring import read_policy
    from reports.boards.selection import selection
    from reports.decisions.decide import decide as decide_scores
    from reports.page import page
    from search.data.sources.scores import read_scores

    study, scores = _study(data, settings)
    further = [read_policy(policy) for policy in policies]
    if further:
        study = study.model_copy(update={"threshold": further[0]})
    given = read_scores(scores, Path.cwd())
    made = decide_scores(given, study, to, further[1:], parse(requirements))
    for note in made.notes:
        console.print(note, highlight=False, soft_wrap=True, markup=False)
    show_rows(made.run.leaderboard, f"{to}, {study.threshold.policy}", console)
    for one in made.rescored:
        show_rows(one.path, f"{to}, {one.policy}", console)
    path = page.write(made.run, selection=selection(made.run))
    console.print(f"\npage: {path}", highlight=False, soft_wrap=True, markup=False)
    for line in write_decision(made.run.path, to / "decision", requirements):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


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

    study = parse(with_settings({"name": "decide", "data": data}, tuple(settings)), "decide")
    if not isinstance(study.data, Scores):
        raise RunError("decide takes scores, so data.source must stay as it is (--set)")
    return with_absolute_paths(study, Path.cwd()), study.data
