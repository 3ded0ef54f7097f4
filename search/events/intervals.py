"""Turns decisions of windows into events, on a grid of milliseconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Recording
from search.scores.metrics import F64
from spaces.study import Events

Event = tuple[float, float]
"""Start and end, in seconds from the start of the recording."""

GRID_PER_S = 1000
"""Times are whole milliseconds, and windows that are at most one apart touch: neither `k * 0.1` in floats
nor steps that are no whole number of milliseconds (64 samples at 250 or 300 Hz) leave a gap between two."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Rows of recordings by recording and time; made by `windows_of`.

    Args:
        recordings: r of them, some perhaps without a row; each stretch of a recording with gaps is one.
        order: numbers of the rows by recording, then by time, intp `(n,)`.
        ends: how many rows stand before each recording's, then all, intp `(r + 1,)`.
        start_ms: int64 `(n,)`, in `order`.
        stop_ms: likewise; no later than the recording's end, ascending within a recording.
    """

    recordings: tuple[Recording, ...]
    order: NDArray[np.intp]
    ends: NDArray[np.intp]
    start_ms: NDArray[np.int64]
    stop_ms: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spans:
    """Events of one recording under many decision rules at once, by rule, then by time; disjoint in a rule.

    Args:
        rule: number of the rule that each belongs to, intp `(e,)`.
        start: `(e,)`, milliseconds or seconds.
        stop: likewise.
    """

    rule: NDArray[np.intp]
    start: NDArray[Any]
    stop: NDArray[Any]


def windows_of(
    recordings: Sequence[Recording], names: NDArray[np.str_], times_s: F64, window_s: float
) -> Windows:
    """Sorts rows into their recordings, and those of a recording with gaps into its stretches.

    Args:
        recordings: of different names; to those without rows no detection can fall.
        names: text `(n,)`, the recording of each row.
        times_s: `(n,)`, start of each row in its recording.
        window_s: seconds that each row covers from its time on; cut at the recording's end.

    Raises:
        ValueError: shapes that differ, a recording that is not among `recordings` or there twice, a window
            that starts outside its recording, or in a gap of it.
    """
    if np.shape(names) != np.shape(times_s) or np.ndim(names) != 1:
        raise ValueError(
            f"each row needs a recording and a time, but got {np.shape(names)}, {np.shape(times_s)}"
        )
    if not window_s * GRID_PER_S >= 1:
        raise ValueError(f"window_s must be at least {1 / GRID_PER_S:g}, but got {window_s}")
    code = _codes(recordings, names)
    if any(recording.stretches for recording in recordings):
        recordings, code, times_s = _parted(recordings, code, times_s)
    end_ms = _on_grid(np.array([recording.duration_s for recording in recordings], np.float64))
    start_ms, stop_ms = _on_grid(times_s), np.minimum(_on_grid(times_s + window_s), end_ms[code])
    outside = np.flatnonzero((start_ms < 0) | (start_ms >= stop_ms))
    if outside.size:
        row = outside[0]
        recording = recordings[code[row]]
        raise ValueError(
            f"windows must start within their recording, but one starts at {times_s[row]:g} s "
            f"of the {recording.duration_s:g} s of {recording.name!r}"
        )
    order = np.lexsort((start_ms, code))
    ends = np.concatenate([[0], np.cumsum(np.bincount(code, minlength=len(recordings)))])
    return Windows(tuple(recordings), order, ends, start_ms[order], stop_ms[order])


def _parted(
    recordings: Sequence[Recording], code: NDArray[np.intp], times_s: F64
) -> tuple[tuple[Recording, ...], NDArray[np.intp], F64]:
    """The stretches of recordings, the stretch of each row `(n,)`, and its time since the stretch began."""
    parts = [(k, begin_s, part) for k, one in enumerate(recordings) for begin_s, part in one.parts()]
    of = np.array([k for k, _, _ in parts], np.int64)
    begin_s = np.array([begin for _, begin, _ in parts], np.float64)
    begin_ms, start_ms = _on_grid(begin_s), np.maximum(_on_grid(times_s), 0)
    # By recording, then by time: the last stretch that begins no later than the row.
    longest = max(int(start_ms.max(initial=0)), int(begin_ms.max(initial=0))) + 1
    found = np.searchsorted(of * longest + begin_ms, code * longest + start_ms, side="right") - 1
    # A row before the first stretch of its recording is told as outside by its negative time.
    found = np.maximum(found, np.searchsorted(of, code))
    return tuple(part for _, _, part in parts), found, times_s - begin_s[found]


def coverage(windows: Windows) -> float:
    """Share of the recordings' time that windows cover, 0 to 1; NaN without recordings.

    Where windows are left out, false alarms in them are too: per day of recording there seem to be fewer.
    """
    following = np.append(windows.start_ms[1:], 0)
    filled = np.flatnonzero(np.diff(windows.ends))
    last = windows.ends[filled + 1] - 1
    following[last] = windows.stop_ms[last]
    covered_ms = int((np.minimum(windows.stop_ms, following) - windows.start_ms).sum())
    whole_s = sum(recording.duration_s for recording in windows.recordings)
    return covered_ms / GRID_PER_S / whole_s if whole_s else float("nan")


def detected(windows: Windows, decided: NDArray[np.bool_], rules: Events) -> tuple[tuple[Event, ...], ...]:
    """The events of each recording under one decision rule.

    The union of the windows decided positive; then events shorter than `rules.drop_shorter_s` go; then gaps
    shorter than `rules.merge_gaps_s` are closed.

    Args:
        windows: of n rows in r recordings.
        decided: bool `(n,)`, in the order of the rows.
        rules: how decisions become events.

    Returns:
        For each of the r recordings its events, ascending and disjoint, within the recording.
    """
    if np.shape(decided) != windows.order.shape or decided.dtype != np.bool_:
        raise ValueError(
            f"decisions must be bool of shape {windows.order.shape}, "
            f"but got {decided.dtype} of {decided.shape}"
        )
    decided = decided[windows.order]
    found = []
    for k, recording in enumerate(windows.recordings):
        part = slice(windows.ends[k], windows.ends[k + 1])
        spans = unions(decided[None, part], windows.start_ms[part], windows.stop_ms[part])
        spans = in_seconds(tidied(spans, rules), recording.duration_s)
        found.append(tuple(zip(spans.start.tolist(), spans.stop.tolist(), strict=True)))
    return tuple(found)


def detections(
    starts_s: F64,
    window_s: float,
    decided: NDArray[np.bool_],
    duration_s: float,
    rules: Events,
    stretches: tuple[Event, ...] = (),
) -> tuple[Event, ...]:
    """The events of one recording; see `detected`. None reaches over a gap.

    Args:
        starts_s: `(n,)`, start of each window in the recording, in any order.
        window_s: seconds that each covers.
        decided: bool `(n,)`.
        duration_s: of the recording.
        rules: how decisions become events.
        stretches: see `Recording`.
    """
    recording = Recording(name="", group="", duration_s=duration_s, seizures=(), stretches=stretches)
    windows = windows_of((recording,), np.full(np.shape(starts_s), ""), starts_s, window_s)
    found = zip(recording.parts(), detected(windows, decided, rules), strict=True)
    return tuple((begin + start, begin + end) for (begin, _), events in found for start, end in events)


def unions(decided: NDArray[np.bool_], start_ms: NDArray[np.int64], stop_ms: NDArray[np.int64]) -> Spans:
    """Unions of the positive windows of one recording, for each of t rules, in milliseconds.

    Args:
        decided: bool `(t, k)`.
        start_ms: ascending, `(k,)`.
        stop_ms: likewise.
    """
    # First only neighbours are joined, with one bit each; what is left is short, whatever the overlap.
    touch = start_ms[1:] - stop_ms[:-1] <= 1
    joined = decided[:, 1:] & decided[:, :-1] & touch
    first, last = decided.copy(), decided.copy()
    first[:, 1:] &= ~joined
    last[:, :-1] &= ~joined
    rule = np.repeat(np.arange(len(decided)), np.count_nonzero(first, axis=1))
    offset = rule * decided.shape[1]
    start = start_ms[np.flatnonzero(first) - offset]
    return bridged(Spans(rule, start, stop_ms[np.flatnonzero(last) - offset]), 2)


def tidied(spans: Spans, rules: Events) -> Spans:
    """Spans in milliseconds after the study's rules: short ones dropped, then short gaps closed."""
    drop_ms, merge_ms = _on_grid(np.array([rules.drop_shorter_s, rules.merge_gaps_s]))
    if drop_ms > 0:
        kept = spans.stop - spans.start >= drop_ms
        spans = Spans(spans.rule[kept], spans.start[kept], spans.stop[kept])
    return bridged(spans, merge_ms) if merge_ms > 0 else spans


def bridged(spans: Spans, below: float) -> Spans:
    """Spans with the gaps between them closed that are shorter than `below`, in the unit of `spans`."""
    opens = np.ones(spans.rule.size + 1, np.bool_)
    opens[1:-1] = (spans.start[1:] - spans.stop[:-1] >= below) | (spans.rule[1:] != spans.rule[:-1])
    if opens.all():
        return spans
    return Spans(spans.rule[opens[:-1]], spans.start[opens[:-1]], spans.stop[opens[1:]])


def in_seconds(spans: Spans, duration_s: float) -> Spans:
    """Spans in milliseconds, in seconds; `duration_s` need not be a whole number of milliseconds."""
    stop = np.minimum(spans.stop / GRID_PER_S, duration_s)
    return Spans(spans.rule, spans.start / GRID_PER_S, stop)


def _on_grid(seconds: F64) -> NDArray[np.int64]:
    return np.rint(seconds * GRID_PER_S).astype(np.int64)


def _codes(recordings: Sequence[Recording], names: NDArray[np.str_]) -> NDArray[np.intp]:
    """The number of each row's recording, `(n,)`."""
    number = {recording.name: k for k, recording in enumerate(recordings)}
    if len(number) < len(recordings):
        raise ValueError(f"recordings must have different names, but {len(recordings)} share {len(number)}")
    # Rows of a recording are mostly adjacent, so names are looked up only where they change.
    heads = np.flatnonzero(np.concatenate([np.ones(min(1, names.size), np.bool_), names[1:] != names[:-1]]))
    found = names[heads].tolist()
    unknown = sorted(set(found) - number.keys())
    if unknown:
        raise ValueError(
            f"every row must be of a recording whose length is known, but {len(unknown)} recordings are not "
            f"among them, the first {unknown[0]!r}"
        )
    codes = np.array([number[name] for name in found], np.intp)
    return np.repeat(codes, np.diff(np.append(heads, names.size)))
