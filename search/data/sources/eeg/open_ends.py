"""Seizures that are annotated with a start and no end: refused, given a length, or left out.

Where such a seizure ends is not known, so the rows after its start can be called neither seizure nor
background. They are left out up to the next thing that is known: the start of the next seizure, or the end
of the recording. What remains are stretches of the recording; see `search.data.sources.eeg.stretches`.
"""

import math
from collections.abc import Sequence

from search.data.sources.eeg.annotation_formats import Interval
from search.data.sources.eeg.stretches import shared
from spaces.errors import RunError


def closed(
    intervals: Sequence[Interval], mend: bool, assumed_duration_s: float | None
) -> tuple[tuple[Interval, ...], tuple[float, ...], tuple[str, ...]]:
    """Parts seizures with an end from those without, whose end is NaN.

    Args:
        intervals: seizures as annotated.
        mend: take seizures without an end, instead of refusing them.
        assumed_duration_s: what they are taken to last; None leaves them open.

    Returns:
        Seizures with an end, the starts of those that stay open, and what was assumed.

    Raises:
        RunError: without `mend`, for a seizure that has no end.
    """
    ended = tuple((start, end) for start, end in intervals if not math.isnan(end))
    open_s = tuple(sorted(start for start, end in intervals if math.isnan(end)))
    if not open_s:
        return ended, (), ()
    if not mend:
        raise RunError(
            f"annotation without an end: a seizure needs both, but the one at {open_s[0]:g} s has a start "
            "alone; data.bad_annotations: mend leaves out what follows it, or gives it "
            "data.assumed_duration_s"
        )
    if assumed_duration_s is None:
        return ended, open_s, ()
    assumed = tuple((start, start + assumed_duration_s) for start in open_s)
    note = f"{_count(len(open_s))} taken to last {assumed_duration_s:g} s (data.assumed_duration_s)"
    return ended + assumed, (), (note,)


def known(
    open_s: Sequence[float], seizures: Sequence[Interval], recorded: Sequence[Interval]
) -> tuple[tuple[Interval, ...], tuple[str, ...]]:
    """The stretches of a recording in which it is known whether there is a seizure.

    Args:
        open_s: starts of seizures without an end, ascending.
        seizures: those with one, within the signal, ascending and disjoint.
        recorded: the stretches of the signal, ascending and disjoint, at least one.

    Returns:
        Start and end of each stretch, ascending; what was recorded, where nothing is open. A seizure with
        an end is never cut. And what was left out.
    """
    duration_s = recorded[-1][1]
    kept: list[Interval] = []
    known_from, past = 0.0, 0
    for start in open_s:
        if start >= duration_s:
            past += 1
            continue
        # A seizure that goes on is known to its end.
        begin = max([start, 0.0, *(end for first, end in seizures if first <= start < end)])
        if begin >= known_from:
            kept.append((known_from, begin))
            known_from = min((first for first, _ in seizures if first > begin), default=duration_s)
    kept.append((known_from, duration_s))
    found = shared([(begin, end) for begin, end in kept if begin < end], recorded)
    lost_s = sum(end - begin for begin, end in recorded) - sum(end - begin for begin, end in found)
    notes = []
    if past:
        notes.append(f"{_count(past)} past the end of the signal dropped")
    if past < len(open_s):
        notes.append(f"{_count(len(open_s) - past)} left out, with the {lost_s:g} s after the start")
    return found, tuple(notes)


def _count(number: int) -> str:
    return f"{number} seizure{'s' * (number != 1)} without an end"
