"""Seizures that are annotated with a start and no end: refused, given a length, or left out.

Where such a seizure ends is not known, so the rows after its start can be called neither seizure nor
background. They are left out up to the next thing that is known: the start of the next seizure, or the end
of the recording. What remains are stretches of the recording, each a recording of its own for event scores,
so that false alarms per day are counted over the time that was looked at.
"""

import math
from collections.abc import Sequence

from search.data.rows import Recording
from search.data.sources.eeg.annotation_formats import Interval
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


def stretches(
    open_s: Sequence[float], seizures: Sequence[Interval], duration_s: float
) -> tuple[tuple[Interval, ...], tuple[str, ...]]:
    """The stretches of a recording in which it is known whether there is a seizure.

    Args:
        open_s: starts of seizures without an end, ascending.
        seizures: those with one, within the signal, ascending and disjoint.
        duration_s: of the signal.

    Returns:
        Start and end of each stretch, ascending; the whole recording where nothing is open. A seizure with
        an end lies in one of them. And what was left out.
    """
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
    kept = [(begin, end) for begin, end in kept if begin < end]
    lost_s = duration_s - sum(end - begin for begin, end in kept)
    notes = []
    if past:
        notes.append(f"{_count(past)} past the end of the signal dropped")
    if past < len(open_s):
        notes.append(f"{_count(len(open_s) - past)} left out, with the {lost_s:g} s after the start")
    return tuple(kept), tuple(notes)


def recording_of(
    stretch: Interval, name: str, group: str, seizures: Sequence[Interval], duration_s: float
) -> Recording:
    """One stretch as a recording whose times count from the stretch's start."""
    begin, end = stretch
    if stretch == (0.0, duration_s):
        return Recording(name, group, duration_s, tuple(seizures))
    mine = tuple((s - begin, e - begin) for s, e in seizures if begin <= s < end)
    return Recording(f"{name} from {begin:.10g} s" if begin else name, group, end - begin, mine)


def _count(number: int) -> str:
    return f"{number} seizure{'s' * (number != 1)} without an end"
