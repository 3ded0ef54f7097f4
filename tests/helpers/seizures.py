"""Recordings with seizures, and raw scores that find most of them."""

from collections.abc import Sequence

import numpy as np

from search.data.rows import Recording
from search.events.intervals import detections
from search.events.scoring import EVENT_METRICS, EventCounts, score_events, summed
from search.scores.half_splits import draw_halves
from search.scores.reference import Reference
from spaces.policies import SensitivityAtFaPerDay
from spaces.study import Events

RULES = Events(drop_shorter_s=2, merge_gaps_s=5)


LIMIT = SensitivityAtFaPerDay(policy="sensitivity_at_fa_per_day", fa_per_day=60)


def reference(seed: int = 0, patients: int = 6, hours: float = 0.5) -> tuple[Reference, np.ndarray]:
    """Two recordings a patient with one or two seizures each, and raw scores that find most of them."""
    rng = np.random.default_rng(seed)
    seconds = int(3600 * hours)
    timeline, y, raw, names, groups, times = [], [], [], [], [], []
    for patient in range(patients):
        for number in range(2):
            name = f"p{patient}-{number}"
            starts = np.sort(rng.choice(seconds // 400, rng.integers(1, 3), replace=False)) * 400.0 + 50
            seizures = tuple((float(start), float(start + rng.integers(20, 90))) for start in starts)
            timeline.append(Recording(name, f"p{patient}", float(seconds), seizures))
            t = np.arange(seconds, dtype=np.float64)
            labels = np.any([(t >= a) & (t < b) for a, b in seizures], axis=0)
            noise = np.repeat(rng.normal(size=seconds // 10), 10) + 0.3 * rng.normal(size=seconds)
            y.append(labels.astype(np.int8))
            raw.append((noise + 1.8 * labels).astype(np.float32))
            names += [name] * seconds
            groups += [f"p{patient}"] * seconds
            times.append(t)
    y, names, groups = np.concatenate(y), np.array(names), np.array(groups)
    halves = draw_halves(y, groups, names, seed)
    made = Reference(y, groups, names, np.concatenate(times), halves, window_s=1.0, timeline=tuple(timeline))
    return made, np.concatenate(raw)


REFERENCE, RAW = reference()


def scored(decided: np.ndarray, recordings: Sequence[Recording] = REFERENCE.timeline) -> EventCounts:
    """timescoring's counts of some recordings of `REFERENCE`, one after another."""
    events = [
        detections(REFERENCE.times[mine], 1.0, decided[mine], recording.duration_s, RULES)
        for recording in recordings
        for mine in [REFERENCE.recordings == recording.name]
    ]
    return score_events(recordings, events, "szcore")


def event_metrics(counts: EventCounts) -> dict[str, float]:
    """Every metric of EVENT_METRICS on the sums over recordings, counts being `(r,)`."""
    whole = summed(counts)
    return {name: float(metric(whole)) for name, metric in EVENT_METRICS.items()}
