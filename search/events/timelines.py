"""Derives recordings and seizures from labelled windows, where the data name no seizures themselves."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Recording
from search.events.intervals import GRID_PER_S, Windows, coverage, in_seconds, unions, windows_of
from search.scores.metrics import F64
from spaces.errors import RunError

LEAST_COVERAGE = 0.9
"""Share of their recordings that windows must cover before false alarms per day may be counted: where
negative windows were thrown away, so were the false alarms in them."""


def timeline_of(
    names: NDArray[np.str_],
    groups: NDArray[np.str_],
    times_s: F64,
    y: NDArray[np.int8],
    window_s: float,
) -> tuple[tuple[Recording, ...], F64] | None:
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
        first window: they replace `times_s`, for seizures are told on that clock. None where the windows
        cover less than LEAST_COVERAGE of the recordings.

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
    if not coverage(windows) >= LEAST_COVERAGE:
        return None
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
