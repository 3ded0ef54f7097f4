"""The plan of a data source: its jobs, how each is read, and when an earlier copy is still good."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.photos import Photos
from search.data.rows import AnyLabels, Kind, Recording, Rows, blocks
from search.data.shards import Inputs

IN_MEMORY_BYTES = 256 * 2**20
"""Of a source that is read at once, a shard holds about so much."""


@dataclass(frozen=True)
class Form:
    """What all rows of a source have in common; see `Rows`."""

    labels: AnyLabels
    kind: Kind
    window_s: float | None = None
    channels: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Some rows of a source, in the order in which they are to stand; fields as those of `Rows`.

    Args:
        form: what they share with all others.
        timeline: recordings that end with this piece.
        bad: what could not be read, each as `name: reason`.
        notes: what was mended while reading, each as `name: what`.
        doubts: what was read as it stands and may be bad, each as `name: what`.
    """

    form: Form
    x: Inputs
    y: NDArray[Any]
    groups: NDArray[np.str_] | None = None
    recordings: NDArray[np.str_] | None = None
    times: NDArray[np.float64] | None = None
    parts: NDArray[np.str_] | None = None
    timeline: tuple[Recording, ...] = ()
    bad: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def columns(self) -> dict[str, NDArray[Any]]:
        """Everything that each row has one of, but for the inputs; what is unknown is left out."""
        found = {
            "y": self.y,
            "groups": self.groups,
            "recordings": self.recordings,
            "times": self.times,
            "parts": self.parts,
        }
        return {name: values for name, values in found.items() if values is not None}


Read = Callable[..., Iterator[Piece]]
"""Reads one job; importable by name. A `RunError` says why all of the job's rows are to be left out."""

Survey = Callable[[Any], Photos | None]
"""Describes the photos of one job; importable by name."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A source that is ready to be read.

    Args:
        read: reads one job; after a survey it also takes `photos`, what was found of all jobs together.
        survey: looks through every job before the first is read.
        jobs: what is to be read; each job makes one shard.
        fingerprint: JSON values that tell one state of the source from another; None where nothing but
            reading it can tell.
        skip_bad: whether rows that cannot be read are left out, rather than stopping the run.
        parallel: whether jobs may be read in other processes of this host.
        files, size_bytes: how many files the jobs read in all, and how large they are together.
        left_out: what the study leaves out by name, each as `name: why`.
        remedy: what a person can do about files that cannot be read.
        kept_as: the name of its prepared data, where what they were made of is not kept elsewhere.
    """

    read: Read
    jobs: tuple[Any, ...]
    fingerprint: Any
    survey: Survey | None = None
    skip_bad: bool = False
    parallel: bool = False
    files: int = 1
    size_bytes: int = 0
    left_out: tuple[str, ...] = ()
    remedy: str = "mend or remove them, or leave them out with data.on_bad_file: skip"
    kept_as: str | None = None


def at_once(load: Callable[[Any, Path], Rows], config: Any, base: Path, fingerprint: Any) -> Plan:
    """The plan of a source that is read into memory at once, by `load(config, base)`."""
    return Plan(read=_whole, jobs=((load, config, base),), fingerprint=fingerprint)


def _whole(job: tuple[Callable[[Any, Path], Rows], Any, Path]) -> Iterator[Piece]:
    load, config, base = job
    rows = load(config, base)
    form = Form(rows.labels, rows.kind, rows.window_s, rows.channels)
    for number, part in enumerate(blocks(rows.x, IN_MEMORY_BYTES)):
        yield Piece(
            form=form,
            x=rows.x[part],
            y=rows.y[part],
            groups=None if rows.groups is None else rows.groups[part],
            recordings=None if rows.recordings is None else rows.recordings[part],
            times=None if rows.times is None else rows.times[part],
            parts=None if rows.parts is None else rows.parts[part],
            timeline=(rows.timeline or ()) if number == 0 else (),
            notes=rows.notes if number == 0 else (),
        )


def size_of(paths: list[Path]) -> int:
    """Bytes of all files that are there."""
    return sum(path.stat().st_size for path in paths if path.exists())


def fingerprint_of(paths: list[Path], root: Path) -> list[Any]:
    """What tells the files that were read from others, and from themselves once edited.

    The folder itself is part of it, since names, sizes and times of one data set can be those of another; and
    so is when the system last saw a file change, which no copy or touch sets back.
    """
    found = [(path.relative_to(root).as_posix(), path.stat()) for path in paths]
    told = [[name, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino] for name, s in sorted(found)]
    return [str(root.resolve()), *told]
