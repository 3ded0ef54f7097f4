"""Event metrics of each patient: hours, seizures, sensitivity, false alarms, delay."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from search.data.rows import Recording
from search.events.intervals import Event
from search.events.scoring import EVENT_METRICS, EventCounts, summed_by_group


@dataclass(frozen=True)
class Patient:
    """One group's recordings together; None is undefined.

    Args:
        group: the patient.
        hours: of recording.
        seizures: reference events as the scorer counts them.
        sensitivity: share of them that were detected; None without seizures.
        fa_per_day: false detections per 24 hours.
        delay_s: median over the annotation's seizures that a detection overlaps, of the time from the start
            of the seizure to that of the first such detection, 0 if it began earlier; None if there is none.
    """

    group: str
    hours: float
    seizures: int
    sensitivity: float | None
    fa_per_day: float | None
    delay_s: float | None


def per_patient(
    recordings: Sequence[Recording], events: Sequence[Sequence[Event]], counts: EventCounts
) -> list[Patient]:
    """One row per group, sorted by name.

    Args:
        recordings: r of them.
        events: the detections of each; see `search.events.intervals.detected`.
        counts: `score_events` of both, `(r,)`.
    """
    delays: dict[str, list[float]] = {}
    for recording, found in zip(recordings, events, strict=True):
        delays.setdefault(recording.group, []).extend(_delays(recording, found))
    groups, sums = summed_by_group(counts, [recording.group for recording in recordings])
    metrics = {name: EVENT_METRICS[name](sums).tolist() for name in ("event_sensitivity", "fa_per_day")}
    return [
        Patient(
            group=group,
            hours=float(sums.seconds[k]) / 3600,
            seizures=int(sums.ref[k]),
            sensitivity=_defined(metrics["event_sensitivity"][k]),
            fa_per_day=_defined(metrics["fa_per_day"][k]),
            delay_s=median(delays[group]) if delays[group] else None,
        )
        for k, group in enumerate(groups)
    ]


def _delays(recording: Recording, found: Sequence[Event]) -> list[float]:
    """Delay of each seizure that a detection overlaps."""
    delays = []
    for seizure_start, seizure_end in recording.seizures:
        first = next((start for start, end in found if end > seizure_start), None)
        if first is not None and first < seizure_end:
            delays.append(max(0.0, first - seizure_start))
    return delays


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
