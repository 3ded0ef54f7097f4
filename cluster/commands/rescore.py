"""The command `rescore`: writes leaderboards under other thresholds beside the run's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from cluster.terminal import say
from spaces.errors import RunError

if TYPE_CHECKING:
    from reports.boards.reading import Leaderboard
    from reports.boards.requirements import Requirement
    from reports.boards.rescoring import Rescored


def rescore(
    run: Path, policies: list[str], requirements: list[str], objective: str | None, console: Console
) -> None:
    """Writes a leaderboard for each policy, shows the top of each, and says where it is.

    Args:
        run: the run's folder.
        policies: as `reports.boards.rescoring.read_policy` takes them; none for the study's own.
        requirements: as `reports.boards.requirements.parse` takes them.
        objective: the metric that ranks; None for the study's own.
        console: where they are shown.

    Raises:
        RunError: something cannot be asked; or, with exit code 1, no trial meets the requirements.
    """
    from cluster.commands.leaderboard import TOP, is_worth_shipping
    from reports.boards.constant_decisions import constant_notes
    from reports.boards.footnotes import footnotes
    from reports.boards.reading import read
    from reports.boards.requirements import parse_for
    from reports.boards.rescoring import rescore_all
    from reports.boards.table import table
    from search.runs.run_folder import RunFolder

    asked = parse_for(RunFolder(run), requirements)
    boards = rescore_all(run, policies or [None], asked, objective)
    for made in boards:
        board = read(made.path, top=TOP)
        say(console, table(board, f"{run}, {made.policy}", console.width))
        constant = [] if asked else constant_notes(run, made.path, made.rule)  # of the rule alone
        for note in [*footnotes(board), *constant]:
            say(console, note, "dim")
        text = f"\nall trials: {made.path}"
        if asked:
            text = f"\n{made.met} of {made.trials} trials meet {', '.join(map(str, asked))}{text}"
        say(console, text + (_shipped(run, board) if is_worth_shipping(board) else "\n"))
    check_met(boards, asked)


def check_met(boards: "Sequence[Rescored]", asked: "Sequence[Requirement]") -> None:
    """Refuses requirements that no trial meets.

    Raises:
        RunError: with exit code 1: no trial meets them under a policy; the nearest is named.
    """
    short = [made for made in boards if asked and not made.met]
    if short:
        policy, nearest = short[0].policy, short[0].nearest
        wanted = ", ".join(map(str, asked))
        if nearest is None:
            raise RunError(f"no trial meets {wanted} under {policy}: none has finished", exit_code=1)
        came = ", ".join(f"{one.name} {_number(one.value_in(nearest))}" for one in asked)
        raise RunError(
            f"no trial meets {wanted} under {policy}; the nearest is {nearest['trial_id']} with {came}",
            exit_code=1,
        )


def _shipped(run: Path, board: "Leaderboard") -> str:
    """The line that ships the best trial at its new threshold."""
    best = board.facts.best
    if best is None or best.get("threshold_score") is None:
        return "\n"  # nothing is worth shipping then, or the rule has no cut that a command line could name
    # float32 in as many digits as bring it back.
    at = repr(float(best["threshold_score"]))
    return (
        f"\nship the best at this threshold: python search.py promote {run} --trial {best['trial_id']} "
        f"--threshold-score {at} --to bundle\n"
    )


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
