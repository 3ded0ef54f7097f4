"""The stretches of a recording that rows are cut from: what was recorded, less what nobody can label.

A recording has gaps where its records do not follow each other, and where a seizure has no end. Of both the
same comes: no window, seizure or alarm reaches over one, and hours are those of the stretches between them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Recording
from search.data.sources.eeg.annotation_formats import Interval
from search.data.sources.eeg.annotations import END_TOLERANCE_S, ROUNDING_S
from search.data.sources.eeg.edf_header import Header
from search.data.sources.eeg.record_times import TOLERANCE_S, Stretch
from spaces.errors import RunError


def shared(some: Sequence[Interval], others: Sequence[Interval]) -> tuple[Interval, ...]:
    """What lies in both of two sets of intervals, each ascending and disjoint."""
    both = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return tuple((start, end) for start, end in both if start < end)


def seizures_within(
    seizures: Sequence[Interval], recorded: Sequence[Interval], mend: bool
) -> tuple[tuple[Interval, ...], tuple[str, ...]]:
    """Seizures cut to what was recorded; one that goes on after a gap is then two.

    Args:
        seizures: ascending and disjoint, in seconds from the recording's start.
        recorded: its stretches, likewise.
        mend: drop seizures that lie in a gap, instead of refusing them.

    Returns:
        The parts of seizures that were recorded, and what was cut or dropped. What remains of a seizure is
        left out where it is shorter than times of records are off.

    Raises:
        RunError: without `mend`, for a seizure of which nothing was recorded.
    """
    kept = {
        one: [part for part in shared([one], recorded) if part == one or part[1] - part[0] >= TOLERANCE_S]
        for one in seizures
    }
    lost = [one for one, parts in kept.items() if not parts]
    if lost and not mend:
        start, end = lost[0]
        raise RunError(
            f"a seizure must lie within the signal, but one is at {start:g} to {end:g} s, in a gap between "
            "its records; onsets count from the first record, gaps included"
        )
    found = tuple(part for parts in kept.values() for part in parts)
    seconds = sum(end - start for (start, end), parts in kept.items() if parts)
    cut = seconds - sum(end - start for start, end in found) > END_TOLERANCE_S
    notes = [f"{_count(len(lost), 'seizure')} in a gap dropped"] * bool(lost)
    return found, (*notes, *["seizures cut at gaps"] * cut)


def gaps_told(header: Header, read: Sequence[Stretch], window_s: float) -> tuple[str, ...]:
    """Says how many gaps a recording has, and how long they are, in one line; nothing without one.

    Args:
        header: of the recording.
        read: those of its stretches that rows are cut from.
        window_s: what a stretch must hold to be read.
    """
    recorded = header.recorded
    if len(recorded) == 1:
        return ()
    missing_s = header.duration_s - sum(end - start for start, end in recorded)
    told = (
        f"{_count(len(recorded) - 1, 'gap')} between its records, {missing_s:.6g} s in all, the first after "
        f"{recorded[0][1]:.10g} s: read as {_count(len(read), 'stretch', 'stretches')}"
    )
    held = {*read}
    if short := [one for one in header.stretches if one not in held]:
        left_s = float(sum(one.records for one in short) * header.record_s)
        told += f", {len(short)} shorter than a window of {window_s:g} s left out ({left_s:.6g} s)"
    return (told if header.discontinuous else f"{told}; its header tells of none",)


def stretch_of(
    starts_s: NDArray[np.float64], length_s: float, stretches: Sequence[Interval], duration_s: float
) -> NDArray[np.intp]:
    """The number of the stretch that each window lies in, `(n,)`; -1 for a window that lies in none.

    Args:
        starts_s: when each window begins, `(n,)`.
        length_s: of a window.
        stretches: ascending and disjoint.
        duration_s: of the recording; a window that was cut from the signal does not reach past its end.
    """
    if not stretches:
        return np.full(starts_s.shape, -1, np.intp)
    begins, ends = np.array(stretches, np.float64).T
    ends = np.where(ends < duration_s, ends, np.inf)
    number = np.searchsorted(begins, starts_s, side="right") - 1
    inside = (number >= 0) & (starts_s + length_s <= ends[number] + ROUNDING_S)
    return np.where(inside, number, -1)


def recording_of(
    name: str, group: str, duration_s: float, seizures: Sequence[Interval], kept: tuple[Interval, ...]
) -> Recording:
    """A recording of which some stretches are read, perhaps the one that is the whole of it."""
    inside = shared(seizures, kept)
    return Recording(name, group, duration_s, inside, () if kept == ((0.0, duration_s),) else kept)


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
