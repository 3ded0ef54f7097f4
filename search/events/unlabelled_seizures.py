"""Finds the seizures that no window is labelled with: trained as background, and missed whatever happens."""

from dataclasses import dataclass

import numpy as np

from search.data.rows import Rows
from search.events.intervals import GRID_PER_S, windows_of
from spaces.study import UNSAID


@dataclass(frozen=True)
class Unmarked:
    """A seizure of which no positive row holds a part.

    Args:
        recording: its name.
        start_s: seconds from the recording's start.
        length_s: of the seizure.
    """

    recording: str
    start_s: float
    length_s: float

    def __str__(self) -> str:
        return f"{self.recording} at {self.start_s:g} s for {self.length_s:g} s"


def unmarked(rows: Rows) -> tuple[Unmarked, ...]:
    """All such seizures, in the order of the recordings; none where annotation or times are unknown.

    Of classes, a row marks a seizure where it is of the class of any.
    """
    if rows.timeline is None or rows.recordings is None or rows.times is None or rows.window_s is None:
        return ()
    windows = windows_of(rows.timeline, rows.recordings, rows.times, rows.window_s)
    classes = {kind for one in rows.timeline for _, _, kind in one.kinds}
    marks = rows.labels.seizures(UNSAID) or tuple(classes)
    if not marks:
        return ()
    positive = np.isin(rows.y, marks)[windows.order]
    found = []
    parts = [(one.name, begin_s, part) for one in rows.timeline for begin_s, part in one.parts()]
    for k, (name, begin_s, recording) in enumerate(parts):
        part = slice(windows.ends[k], windows.ends[k + 1])
        start_ms, stop_ms = (ms[part][positive[part]] for ms in (windows.start_ms, windows.stop_ms))
        for start_s, end_s in recording.seizures:
            first = int(np.searchsorted(stop_ms, round(start_s * GRID_PER_S), side="right"))
            if first == len(start_ms) or start_ms[first] >= round(end_s * GRID_PER_S):
                found.append(Unmarked(name, begin_s + start_s, end_s - start_s))
    return tuple(found)
