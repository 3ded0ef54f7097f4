"""Prepares a study's data with a progress bar, and uses Ray only where that helps."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster.progress import JobProgress
from cluster.terminal import say
from search.data.rows import Rows
from search.data.serial_correlation import warning
from search.data.store import MANIFEST, Stored
from search.events.unlabelled_seizures import unmarked
from search.networks.checks import check_network
from search.trials.preparation import Prepared, divided, prepare_rows
from spaces.errors import first_of
from spaces.study import Study

FAR_OFF = 0.15
"""A training share this far below the one asked for is reported."""
NAMED = 5
"""At most this many bad files, and this many mended ones, are listed."""

Connect = Callable[[], str]
"""Connects to Ray at the first call; returns in words where to."""


def prepared(study: Study, base: Path, root: Path, console: Console, connect: Connect) -> Prepared:
    """Prepares and splits a study's data for training, and says in one line what the parts hold.

    Args:
        study: the study.
        base: the folder that its relative paths are taken from.
        root: the folder of all prepared data.
        console: prints progress and notes.
        connect: called before files are read in parallel.

    Raises:
        RunError: the data is missing or unfit, or the network cannot be built on it.
    """
    made = divided(study, prepared_rows(study, base, root, console, connect))
    check_network(study, made.rows.x.shape[1:])
    parts, rows = made.split, made.rows
    units = rows.groups if parts.units is None else parts.units
    counts = ", ".join(
        f"{name} {len(part)} rows ({rows.labels.told(rows.y[part])}"
        + (f", {len(set(units[part].tolist()))} {parts.noun})" if units is not None else ")")
        for name, part in (("train", parts.train), ("validation", parts.validation), ("test", parts.test))
    )
    say(console, f"data {study.data.source}: {counts}")
    if rows.groups is None:
        parted = (
            "the parts are those that the data name" if parts.by == "column" else "rows are split one by one"
        )
        say(console, f"groups: unknown, so {parted}")
        beware = warning(rows) if parts.by == "row" else None
        if beware is not None:
            say(console, beware)
    if rows.photos is not None and rows.photos.bits is not None:
        say(console, f"depth: {rows.photos.scaling()}")
    if parts.units is not None:
        say(console, f"one patient, split by {parts.by}: values will say nothing of other patients")
    if rows.kind != "image":
        say(console, f"validation, {made.told_of_events}")
    share = len(parts.train) / len(rows)
    if parts.by in ("group", "row", "window") and share < study.split.train - FAR_OFF:
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

    with JobProgress(console, "preparing") as shown:
        stored = prepare_rows(study, base, root, map_jobs, shown.on_done)
    listed = (("left out", stored.bad), ("mended", stored.notes), ("doubtful", stored.doubts))
    for what, reasons in listed:
        for reason in reasons[:NAMED]:
            say(console, f"{what}: {reason}")
        if len(reasons) > NAMED:
            say(console, f"{what}: {len(reasons) - NAMED} more, see {stored.path / MANIFEST}")
    if lost := lost_seizures(stored.rows, NAMED):
        say(console, f"seizures: {lost}")
    return stored


def lost_seizures(rows: Rows, most: int) -> str | None:
    """Says how many seizures no window is labelled with, and which, at most so many; None without one."""
    lost = unmarked(rows)
    if not lost:
        return None
    seizures = sum(len(recording.seizures) for recording in rows.timeline or ())
    return (
        f"{len(lost)} of {seizures} mark no window, so they are trained as background and missed whatever "
        f"happens: {first_of(lost, most)}"
    )
