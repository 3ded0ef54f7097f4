"""The command `leaderboard`: prints rows of one run or several, as a table, csv or json."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import yaml
from rich.console import Console

from cluster.terminal import say
from reports.boards import reading
from reports.boards.advice import worth_shipping
from reports.boards.constant_decisions import constant_notes
from reports.boards.footnotes import edges, footnotes
from reports.boards.reading import Leaderboard
from reports.boards.selection import selection_or_reason
from reports.boards.table import table
from search.runs.storage import is_uri
from spaces.errors import RunError

TOP = 10


@contextmanager
def opened(runs: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Fetches stored copies of runs, if any are named; yields the places to read and a title."""
    with ExitStack() as held:
        places = []
        for run in runs:
            if is_uri(run):
                from search.runs.recovery import copy_of

                places.append(str(held.enter_context(copy_of(run, "leaderboard.parquet"))))
            else:
                places.append(run)
        yield places, ", ".join(runs)


def show(
    places: Sequence[str],
    title: str,
    form: Literal["table", "csv", "json"],
    console: Console,
    *,
    top: int,
    sort: str | None,
    where: str | None,
    best_per: str | None,
) -> None:
    """Prints rows of leaderboards.

    Args:
        places: run folders, files and patterns.
        title: stands above a table.
        form: `csv` and `json` hold every column.
        console: prints progress and notes.
        top, sort, where, best_per: see `reports.boards.reading.read`.
    """
    board = reading.read(*places, top=top, sort=sort, where=where, best_per=best_per)
    if form != "table":
        console.file.write(board.text(form) + "\n")
    elif not len(board.table):
        say(console, f"no trial matches {where!r}" if where else "no trial has finished yet")
    else:
        _print(board, title, console)


def show_rows(path: Path, title: str, console: Console) -> None:
    """Prints the head of a leaderboard with its notes.

    Args:
        path: the leaderboard file.
        title: stands above.
        console: prints them.
    """
    _print(reading.read(path, top=TOP), title, console)


def show_finished(path: Path, console: Console) -> None:
    """Prints the head of the leaderboard of a run that has just ended, and what to do next.

    Args:
        path: the leaderboard file.
        console: prints progress and notes.
    """
    board = reading.read(path, top=TOP)
    _print(board, str(path.parent), console)
    ship = f"\nship the best: python search.py promote {path.parent} --to bundle"
    say(console, f"\nall trials: {path}" + (ship if is_worth_shipping(board) else ""))


def show_difference(runs: list[str], console: Console) -> None:
    """Prints what sets two runs apart."""
    from reports.boards.difference import check_two, difference, difference_shown

    a, b = check_two(runs)
    for part in difference_shown(difference(a, b), *runs):
        say(console, part)


def only(runs: Sequence[str], asker: str) -> Path:
    """Returns the one run folder that an option works on.

    Raises:
        RunError: several were named, or a copy at a URI.
    """
    if len(runs) != 1 or is_uri(runs[0]):
        raise RunError(f"{asker} takes one run's folder, but got {', '.join(runs)}")
    return Path(runs[0])


def is_worth_shipping(board: Leaderboard) -> bool:
    """Whether the best row that decides something is to be shipped; see `reports.boards.advice`."""
    best = board.facts.best
    if best is None:
        return False
    return worth_shipping(best["value_mean"], board.facts.best_baseline, best["objective"])


def _print(board: Leaderboard, title: str, console: Console) -> None:
    chosen, why_not = selection_or_reason(board.run)
    say(console, table(board, title, console.width, chosen))
    constant = [] if board.run is None else constant_notes(board.run, board.paths[0])
    for note in [*footnotes(board, chosen, why_not, _edges(board)), *constant]:
        say(console, note, "dim")


def _edges(board: Leaderboard) -> list[str]:
    """Notes on where the best trial lies in its space; none if the study is not there."""
    study = None if board.run is None else board.run / "study.yaml"
    if board.facts.best is None or study is None or not study.is_file():
        return []
    try:
        return edges(board.facts.best, yaml.safe_load(study.read_bytes()))
    except (yaml.YAMLError, AttributeError, TypeError, KeyError, ValueError, RecursionError):
        return []  # the commands that need a study say that it is damaged
