"""Seizures on the page: patients, recordings, and the events that a trial detects in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.page.table import rounded
from search.events.evaluation import windows
from search.events.intervals import Event, Windows, detected
from search.events.patients import Patient, per_patient
from search.events.scoring import EventCounts, summed
from search.events.sweep import sweep
from search.scores.metrics import decide
from search.scores.reference import Reference
from spaces.study import Events

MOST_EVENTS = 12_000
"""Most detections that a page stores, about 200 kB; trials after that have no timeline on it."""


@dataclass(frozen=True, eq=False)
class Found:
    """The detections of a trial.

    Args:
        tp, fp: reference events found, and false detections, at each cut, `(c,)`.
        events: detections at its own threshold, of each recording.
        patients: at its own threshold.
    """

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    events: tuple[tuple[Event, ...], ...]
    patients: list[Patient]


class Detector:
    """Detects events in the validation recordings, by the study's rules.

    Args:
        found: the validation rows by recording and time.
        rules: how decisions become events, and the scorer.
    """

    def __init__(self, found: Windows, rules: Events) -> None:
        self._windows, self._rules = found, rules
        self._left = MOST_EVENTS
        nothing = np.zeros(found.order.size, np.float32)
        self._whole = summed(sweep(found, nothing, np.array([np.inf], np.float32), rules))

    @classmethod
    def of(cls, reference: Reference, rules: Events) -> "Detector | None":
        """Returns None where recordings are not known, or the rows cover too little of them."""
        found = windows(reference)
        return None if found is None else cls(found, rules)

    def detect(self, score: NDArray[np.float32], cuts: NDArray[np.float32], own: int) -> Found:
        """Counts events at each cut, and lists those at the trial's own.

        Args:
            score: of the validation rows, `(n,)`.
            cuts: `(c,)`.
            own: number of the trial's threshold among them.
        """
        counts = sweep(self._windows, score, cuts, self._rules)
        whole = summed(counts)
        events = detected(self._windows, decide(score, float(cuts[own])), self._rules)
        tp, fp, ref, seconds = counts.tp, counts.fp, counts.ref, counts.seconds
        mine = EventCounts(tp[:, own], fp[:, own], ref[:, own], seconds[:, own])
        return Found(whole.tp, whole.fp, events, per_patient(self._windows.recordings, events, mine))

    def give_back(self, found: dict[str, Any] | None) -> None:
        """Makes room for other trials: a trial's part, from `as_json`, is stored no more."""
        detected = None if found is None else found["detected"]
        self._left += sum(len(events) for events in detected or ())

    def whole(self) -> dict[str, Any]:
        """What is the same for every trial: recordings, seizures, and what the scorer makes of them."""
        recordings = self._windows.recordings
        return {
            "ref": int(self._whole.ref[0]),
            "seconds": float(self._whole.seconds[0]),
            "scorer": self._rules.scorer,
            "drop_shorter_s": self._rules.drop_shorter_s,
            "merge_gaps_s": self._rules.merge_gaps_s,
            "recordings": [
                {
                    "name": recording.name,
                    "group": recording.group,
                    "seconds": rounded(recording.duration_s, 9),
                    "seizures": _spans(recording.seizures),
                }
                for recording in recordings
            ],
        }

    def as_json(self, found: Found) -> dict[str, Any]:
        """A trial's part; `detected` is null where the page already stores enough of other trials."""
        self._left -= sum(len(events) for events in found.events)
        return {
            "tp": found.tp.tolist(),
            "fp": found.fp.tolist(),
            "detected": [_spans(events) for events in found.events] if self._left >= 0 else None,
            "patients": {
                "group": [patient.group for patient in found.patients],
                "hours": [rounded(patient.hours) for patient in found.patients],
                "seizures": [patient.seizures for patient in found.patients],
                "sensitivity": [rounded(patient.sensitivity) for patient in found.patients],
                "fa_per_day": [rounded(patient.fa_per_day) for patient in found.patients],
                "delay_s": [rounded(patient.delay_s) for patient in found.patients],
            },
        }


def _spans(events: Sequence[Event]) -> list[list[float]]:
    """Starts and ends in seconds; windows lie on a grid of milliseconds."""
    return [[round(start, 3), round(end, 3)] for start, end in events]
