"""Finds the recordings of rows, and their seizures, which labels tell where the data name none themselves."""

from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Recording, Rows, counted
from search.events.intervals import GRID_PER_S, Windows, coverage, in_seconds, unions, windows_of
from search.events.scoring import SCORER_HZ
from search.scores.metrics import F64
from search.scores.reference import Reference
from spaces.errors import RunError, first_of
from spaces.study import UNSAID, Events

POSITIVE = "events.positive"
NAMED = 10
"""Classes that a line names."""
LEAST_COVERAGE = 0.9
"""Share of their recordings that windows must cover before false alarms per day may be counted: where
negative windows were thrown away, so were the false alarms in them."""


@dataclass(frozen=True)
class Timeline:
    """The recordings of some rows.

    Args:
        recordings: with their seizures; None where there can be no event scores.
        times: start of each row in its recording, seconds `(k,)`; None if unknown.
        told: one line on what event scores are counted on, or why there are none.
    """

    recordings: tuple[Recording, ...] | None
    times: F64 | None
    told: str


def find_timeline(rows: Rows, taken: NDArray[np.int64], events: Events = UNSAID) -> Timeline:
    """Returns the recordings of some rows.

    Where the source has no annotation, the rows' labels tell of seizures. Recordings of which the rows cover
    too little are as good as unknown: false alarms cannot fall where no window is.

    Args:
        rows: the data.
        taken: which of them, `(k,)`.
        events: says which classes are seizures, where rows are of classes.

    Raises:
        RunError: a recording with rows of two groups, or classes that are named and are none.
    """
    marks = rows.labels.seizures(events)
    times = None if rows.times is None else rows.times[taken]
    if times is None or rows.recordings is None or rows.window_s is None:
        return Timeline(None, times, f"event scores: none, since {_lacking(rows, times)}")
    if not marks:
        hint = f" ({POSITIVE} names those that are)" if rows.labels.task.name == "classes" else ""
        return Timeline(None, times, f"event scores: none, since no one class is the positive one{hint}")
    names = rows.recordings[taken]
    if rows.timeline is None:
        groups = names if rows.groups is None else rows.groups[taken]
        positive = np.isin(rows.y[taken], marks).astype(np.int8)
        timeline, since = timeline_of(names, groups, times, positive, rows.window_s)
    else:
        there = set(names.tolist())
        timeline, since = tuple(one for one in _annotated(rows, events, marks) if one.name in there), times
        if any(one.stretches for one in timeline):
            timeline = _seen(timeline, windows_of(timeline, names, since, rows.window_s))
    windows = windows_of(timeline, names, since, rows.window_s)
    briefest = min(windows.recordings, key=lambda one: one.duration_s, default=None)
    if briefest is not None and round(briefest.duration_s * SCORER_HZ) < 1:
        told = (
            f"event scores: none, since {briefest.name} lasts {briefest.duration_s:g} s, and they are "
            f"counted in steps of {1 / SCORER_HZ:g} s"
        )
        return Timeline(None, times, told)
    covered = coverage(windows)
    if not covered >= LEAST_COVERAGE:
        told = (
            f"event scores: none, since windows cover {covered:.2%} of their recordings and not "
            f"{LEAST_COVERAGE:.0%}: false alarms cannot fall where no window is (times are seconds, and a "
            f"window lasts {rows.window_s:g} s)"
        )
        return Timeline(None, times, told)
    hours = sum(one.recorded_s for one in timeline) / 3600
    seizures = sum(len(one.seizures) for one in timeline)
    source = "labels" if rows.timeline is None else "annotation"
    told = f"event scores: recordings {counted(timeline)}, hours {hours:.4g}, seizures by {source} {seizures}"
    of = f", of {first_of(map(repr, events.positive), NAMED)}" if events.positive else ""
    return Timeline(timeline, since, told + of)


def _annotated(rows: Rows, events: Events, marks: tuple[int, ...]) -> tuple[Recording, ...]:
    """All recordings with their seizures, of the classes `marks` alone where the study names some."""
    timeline = rows.timeline or ()
    if not events.positive:
        return timeline
    if any(one.seizures and not one.kinds for one in timeline):
        raise RunError(
            f"{POSITIVE} needs the class of every seizure, but the seizures that the data state have none; "
            "leave them out: then rows of these classes that touch are one seizure"
        )
    return tuple(one.of_classes(marks) for one in timeline)


def _seen(timeline: tuple[Recording, ...], windows: Windows) -> tuple[Recording, ...]:
    """Recordings without the stretches that no row is of: as of recordings, only those with rows count."""
    has_rows = iter((np.diff(windows.ends) > 0).tolist())
    found = []
    for one in timeline:
        kept = tuple(compress(one.stretches, [next(has_rows) for _ in one.parts()]))
        seizures = (seizure for seizure in one.seizures if any(a <= seizure[0] < b for a, b in kept))
        found.append(replace(one, stretches=kept, seizures=tuple(seizures)) if kept else one)
    return tuple(found)


def why_unscored(reference: Reference) -> str:
    """Says in words why rows have no event scores, of which no timeline was kept."""
    if lacking := _lacking(reference, reference.times):
        return lacking
    return (
        f"windows cover less than {LEAST_COVERAGE:.0%} of their recordings, and false alarms cannot fall "
        f"where no window is (times are seconds, and a window lasts {reference.window_s:g} s)"
    )


def _lacking(rows: Rows | Reference, times: F64 | None) -> str:
    """What event scores need and the data do not name, in words; empty where nothing is lacking."""
    known = {"recordings": rows.recordings, "times": times, "window_s": rows.window_s}
    unknown = [name for name, value in known.items() if value is None]
    return f"the data name no {', no '.join(unknown)}" if unknown else ""


def timeline_of(
    names: NDArray[np.str_],
    groups: NDArray[np.str_],
    times_s: F64,
    y: NDArray[np.int8],
    window_s: float,
) -> tuple[tuple[Recording, ...], F64]:
    """Recordings that reach from the start of their first window to the end of their last.

    A seizure is the union of positive windows that touch or overlap.

    Args:
        names: text `(n,)`, the recording of each row.
        groups: text `(n,)`, the patient of each row.
        times_s: `(n,)`, start of each row, on whatever clock its recording has.
        y: 0/1, int8 `(n,)`.
        window_s: seconds that each row covers.

    Returns:
        The recordings, sorted by name, and the times `(n,)` of the rows since the start of their recording's
        first window: they replace `times_s`, for seizures are told on that clock.

    Raises:
        RunError: a recording with rows of two groups.
    """
    found, code = np.unique(names, return_inverse=True)
    first = np.full(found.size, np.inf)
    last = np.full(found.size, -np.inf)
    np.minimum.at(first, code, times_s)
    np.maximum.at(last, code, times_s)
    since = np.rint((times_s - first[code]) * GRID_PER_S) / GRID_PER_S
    length = np.rint((last - first + window_s) * GRID_PER_S) / GRID_PER_S
    owner = _owners(found, groups, code)
    recordings = [
        Recording(name=name, group=group, duration_s=duration_s, seizures=())
        for name, group, duration_s in zip(found.tolist(), owner, length.tolist(), strict=True)
    ]
    windows = windows_of(recordings, names, since, window_s)
    positive = (y == 1)[windows.order]
    return tuple(_with_seizures(windows, positive, k) for k in range(found.size)), since


def _owners(found: NDArray[np.str_], groups: NDArray[np.str_], code: NDArray[np.intp]) -> list[str]:
    """The group of each recording."""
    row = np.zeros(found.size, np.intp)
    row[code] = np.arange(code.size)
    owner = groups[row]
    other = np.flatnonzero(owner[code] != groups)
    if other.size:
        k = code[other[0]]
        raise RunError(
            f"a recording must be of one group, but {str(found[k])!r} has rows of {str(owner[k])!r} "
            f"and {str(groups[other[0]])!r}"
        )
    return [str(group) for group in owner]


def _with_seizures(windows: Windows, positive: NDArray[np.bool_], k: int) -> Recording:
    """Recording number `k` with the unions of its positive windows, `positive` being in `windows.order`."""
    recording = windows.recordings[k]
    part = slice(windows.ends[k], windows.ends[k + 1])
    spans = unions(positive[None, part], windows.start_ms[part], windows.stop_ms[part])
    spans = in_seconds(spans, recording.duration_s)
    return replace(recording, seizures=tuple(zip(spans.start.tolist(), spans.stop.tolist(), strict=True)))
