"""Prepares a study's data with a progress bar, and uses Ray only where that helps."""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from search.data.store import MANIFEST, Stored
from search.networks.checks import check_shape
from search.trials.preparation import Prepared, divided, prepare_rows
from spaces.study import Study

PLAIN_LINE_S = 10.0
"""Elsewhere than on a terminal, a line of progress at most so often."""
FAR_OFF = 0.15
"""A share of the rows that far below what the study asks for is worth a line."""
NAMED = 5
"""Bad files and mended ones that are listed."""

Connect = Callable[[], str]
"""Connects to Ray, at the first call, and says where to."""


def prepared(study: Study, base: Path, root: Path, console: Console, connect: Connect) -> Prepared:
    """Prepares and splits a study's data for training, and says in one line what the parts hold.

    Args:
        study: the study.
        base: the folder that its relative paths are taken from.
        root: the folder of all prepared data.
        console: where a person may be looking.
        connect: called before files are read at once.

    Raises:
        RunError: the data is missing or unfit, or no trial could build the network.
    """
    made = divided(study, prepared_rows(study, base, root, console, connect))
    check_shape(study, made.rows.x.shape[1:])
    parts, rows = made.split, made.rows
    counts = ", ".join(
        f"{name} {len(part)} rows ({rows.y[part].mean():.1%} positive"
        + (f", {len(set(rows.groups[part].tolist()))} groups)" if rows.groups is not None else ")")
        for name, part in (("train", parts.train), ("validation", parts.validation), ("test", parts.test))
    )
    say(console, f"data {study.data.source}: {counts}")
    if rows.groups is None:
        say(console, "groups: unknown, so rows are split one by one")
    share = len(parts.train) / len(rows)
    if parts.by != "column" and share < study.split.train - FAR_OFF:
        say(
            console,
            f"few groups: training has {share:.0%} of the rows, not {study.split.train:.0%}, since "
            "validation wants two groups with positives and the parts share no group",
        )
    return made


def prepared_rows(study: Study, base: Path, root: Path, console: Console, connect: Connect) -> Stored:
    """Prepares a study's data, whole, with progress; arguments as those of `prepared`.

    Raises:
        RunError: the data is missing or unreadable.
    """

    def map_jobs(function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterable[Any]:
        connect()
        from search.hosts.parallel import map_here

        return map_here(function, jobs)

    with Shown(console, "preparing") as shown:
        stored = prepare_rows(study, base, root, map_jobs, shown.on_done)
    for what, reasons in (("left out", stored.bad), ("mended", stored.notes)):
        for reason in reasons[:NAMED]:
            say(console, f"{what}: {reason}")
        if len(reasons) > NAMED:
            say(console, f"{what}: {len(reasons) - NAMED} more, see {stored.path / MANIFEST}")
    return stored


def say(console: Console, line: str) -> None:
    """Prints a line as it is, however long."""
    console.print(line, highlight=False, soft_wrap=True, markup=False)


class Shown:
    """A bar on a terminal, plain lines elsewhere; nothing where there is nothing to wait for.

    Args:
        console: where a person may be looking.
        what: what is being done.
    """

    def __init__(self, console: Console, what: str) -> None:
        self._console, self._what = console, what
        self._said = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> "Shown":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.stop()

    def on_done(self, done: int, total: int) -> None:
        """Tells how many of how many jobs are done."""
        with contextlib.suppress(OSError):  # a terminal that went away is not an error
            if self._console.is_terminal and total > 1:
                self._show_bar(done, total)
            elif time.monotonic() - self._said >= PLAIN_LINE_S:
                self._said = time.monotonic()
                say(self._console, f"{self._what}: {done} of {total}")

    def _show_bar(self, done: int, total: int) -> None:
        if self._bar is None:
            columns = (TextColumn(self._what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._bar.add_task("", total=total)
        self._bar.update(self._bar.task_ids[0], completed=done)
