"""Scores events with timescoring: counts of each recording, their sums, and metrics of the sums."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Recording
from search.events.intervals import Event
from search.scores.metrics import F64, Counts, f1, precision, sensitivity
from spaces.base import Label
from spaces.study import Events

Scorer = Literal["szcore", "ovlp"]
SCORER_HZ = 10
"""Samples per second of the scorer, which rounds times to tenths of a second."""
DAY_S = 86400

PARAMETERS: Mapping[Scorer, Mapping[str, float]] = {
    "szcore": {
        "toleranceStart": 30.0,
        "toleranceEnd": 60.0,
        "minOverlap": 0.0,
        "maxEventDuration": 300.0,
        "minDurationBetweenEvents": 90.0,
    },
    "ovlp": {
        "toleranceStart": 0.0,
        "toleranceEnd": 0.0,
        "minOverlap": 0.0,
        "maxEventDuration": 1e9,
        "minDurationBetweenEvents": 0.0,
    },
}
"""timescoring's parameters of each scorer: the defaults, which are SzCORE's (Dan et al. 2024), and those
with which it counts as NEDC's OVLP does (Shah et al. 2021)."""


@dataclass(frozen=True, eq=False)
class EventCounts:
    """Counts of events as the scorer makes them, arrays of one common shape (or shapes that broadcast).

    Args:
        tp: reference events that were detected.
        fp: false detections.
        ref: reference events; after the scorer's merging and splitting, so not those of the annotation.
        seconds: of recording, in whole tenths as the scorer has it.
    """

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    ref: NDArray[np.int64]
    seconds: F64

    def of(self, places: NDArray[np.bool_] | NDArray[np.intp]) -> "EventCounts":
        """Returns the counts at some places of the first axis."""
        return EventCounts(self.tp[places], self.fp[places], self.ref[places], self.seconds[places])


def scorer_parameters(scorer: Scorer) -> dict[str, str | float]:
    """What a record must say about a scorer: its name, its parameters and the version of timescoring."""
    return {"scorer": scorer, "timescoring": version("timescoring"), **PARAMETERS[scorer]}


def scoring_of(rules: Events) -> dict[str, str | float | list[Label]]:
    """Returns everything that event scores depend on beside the decisions, as a record must say it."""
    return {
        **scorer_parameters(rules.scorer),
        "drop_shorter_s": rules.drop_shorter_s,
        "merge_gaps_s": rules.merge_gaps_s,
        **({"positive": list(rules.positive)} if rules.positive else {}),
    }


def score_events(
    recordings: Sequence[Recording], events: Sequence[Sequence[Event]], scorer: Scorer
) -> EventCounts:
    """Counts of each recording, as timescoring has them.

    Args:
        recordings: r of them, each at least 0.1 s long.
        events: the detections of each, ascending and disjoint; see `search.events.intervals.detected`.
        scorer: a name of PARAMETERS.

    Returns:
        Arrays `(r,)`.
    """
    from timescoring.annotations import Annotation
    from timescoring.scoring import EventScoring

    parameters = EventScoring.Parameters(**PARAMETERS[scorer])
    rows = []
    for recording, found in zip(recordings, events, strict=True):
        samples = scorer_samples(recording)
        reference = Annotation(list(recording.seizures), SCORER_HZ, samples)
        scored = EventScoring(reference, Annotation(list(found), SCORER_HZ, samples), parameters)
        rows.append((scored.tp, scored.fp, scored.refTrue, scored.numSamples))
    tp, fp, ref, length = np.array(rows, np.int64).reshape(-1, 4).T
    return EventCounts(tp, fp, ref, length / SCORER_HZ)


def scorer_samples(recording: Recording) -> int:
    """Length of a recording in the scorer's samples.

    Raises:
        ValueError: there is none.
    """
    samples = round(recording.duration_s * SCORER_HZ)
    if samples < 1:
        raise ValueError(
            f"a recording must last {1 / SCORER_HZ:g} s to be scored, "
            f"but {recording.name!r} lasts {recording.duration_s:g} s"
        )
    return samples


def summed(counts: EventCounts, axis: int = 0) -> EventCounts:
    """Counts of several recordings together: metrics are ratios of sums, never means of ratios."""
    fields = (counts.tp, counts.fp, counts.ref, counts.seconds)
    return EventCounts(*(np.asarray(field.sum(axis=axis)) for field in fields))


def summed_by_group(
    counts: EventCounts, groups: Sequence[str] | NDArray[np.str_]
) -> tuple[tuple[str, ...], EventCounts]:
    """Counts of each group together, `(r, ...)` to `(groups, ...)`, with the groups' names, sorted.

    Args:
        counts: of r recordings.
        groups: the group of each.
    """
    names, group = np.unique(groups, return_inverse=True)

    def summed_field(field: NDArray[Any]) -> NDArray[Any]:
        sums = np.zeros((names.size, *field.shape[1:]), field.dtype)
        np.add.at(sums, group, field)
        return sums

    fields = (counts.tp, counts.fp, counts.ref, counts.seconds)
    return tuple(names.tolist()), EventCounts(*map(summed_field, fields))


def fa_per_day(counts: EventCounts) -> F64:
    """False detections per 24 hours of recording; undefined without recordings."""
    with np.errstate(invalid="ignore"):
        return np.asarray(counts.fp / (counts.seconds / DAY_S))


def _of_events(metric: Callable[[Counts], F64]) -> Callable[[EventCounts], F64]:
    """A metric of confusion counts that does not read true negatives: of those, events have no number."""

    def measure(counts: EventCounts) -> F64:
        cells = (counts.tp, counts.fp, np.full_like(counts.tp, -1), counts.ref - counts.tp)
        return metric(Counts(*(cell.astype(np.float64) for cell in cells)))

    return measure


EVENT_METRICS: dict[str, Callable[[EventCounts], F64]] = {
    "event_sensitivity": _of_events(sensitivity),
    "event_precision": _of_events(precision),
    "event_f1": _of_events(f1),
    "fa_per_day": fa_per_day,
}
"""timescoring's formulas, by name, on counts of any shape. Undefined is NaN: sensitivity without reference
events, precision without detections, F1 without either. The first three are better when larger."""
