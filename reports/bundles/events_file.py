"""Makes the table of events of one recording, in the HED-SCORE columns that SzCORE scores.

The columns, their order, `sz` and `bckg`, and one row of background where there is no seizure are those of
epilepsy2bids 0.0.7 (Dan et al. 2024, SzCORE). Its reader takes `n/a` for what is not known.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.events.intervals import GRID_PER_S, Event
from spaces.errors import RunError
from spaces.study import Events

COLUMNS = ("onset", "duration", "eventType", "confidence", "channels", "dateTime", "recordingDuration")
SUFFIX = "_events.tsv"
UNKNOWN = "n/a"
"""Also written as the date of a recording, since a date can identify a person."""


def rules_of(events: dict[str, Any]) -> Events:
    """Returns how a bundle makes events of decisions, from the `events` of its config."""
    return Events(**{name: events[name] for name in Events.model_fields})


def file_names(recordings: Iterable[str]) -> dict[str, str]:
    """Returns the name of each recording's file.

    Raises:
        RunError: two recordings would share one.
    """
    names: dict[str, str] = {}
    for recording in recordings:
        name = recording.replace("/", "_") + SUFFIX
        if name in names.values():
            other = next(key for key, value in names.items() if value == name)
            raise RunError(
                f"every recording needs a file of events of its own, but {other} and {recording} "
                f"would both be {name}; rename one"
            )
        names[recording] = name
    return names


def text(
    events: Iterable[Event],
    duration_s: float,
    starts_s: NDArray[np.float64],
    probability: NDArray[np.float32] | None,
) -> str:
    """Returns the events of one recording as a table.

    Args:
        events: start and end of each in seconds, ascending.
        duration_s: of the recording.
        starts_s: start of each window, `(n,)`.
        probability: of each window, if it may be called one; an event's confidence is the largest in it.
    """
    at = np.rint(starts_s * GRID_PER_S) / GRID_PER_S  # events begin on this grid
    rows = []
    for start, end in events:
        confidence = UNKNOWN
        if probability is not None:
            confidence = f"{probability[(at >= start) & (at < end)].max():.4f}"
        rows.append((_seconds(start), _seconds(end - start), "sz", confidence))
    rows = rows or [(_seconds(0), _seconds(duration_s), "bckg", UNKNOWN)]
    lines = [COLUMNS, *((*row, "all", UNKNOWN, _seconds(duration_s)) for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def _seconds(value: float) -> str:
    return f"{value:.3f}"
