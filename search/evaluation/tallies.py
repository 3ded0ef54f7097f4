"""What a held-out group of `verify` adds to the sums over all groups, and which of its metrics say nothing.

A group's metrics are those of its task's `Scoring`. Undefined is None. A group without rows of a class (or
label) has no precision and no F1 of it, and no mean over classes that these are part of: one false decision
would make them 0, none makes them undefined, and neither says how good a model is.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from search.evaluation.binary import Fitted
from search.evaluation.multiclass import FittedClasses
from search.evaluation.multilabel import FittedLabels
from search.evaluation.scoring import F32, Estimates
from search.events.evaluation import decided_counts, decided_patients
from search.scores.metrics import counts_at, decide
from search.scores.multiclass.decisions import class_counts
from search.scores.multilabel.metrics import counts_of
from search.scores.reference import Reference
from spaces.study import Study
from spaces.tasks import TaskName

OF_POSITIVES = ("precision", "f1")
"""Metrics that a group without any positive row, or without any of a class or label, has none of."""
OF_SEIZURES = ("event_precision", "event_f1")
"""Those of a group without a seizure. Its false detections stand in specificity and per day."""


@dataclass(frozen=True, kw_only=True)
class EventTally:
    """A group's seizures; None is unknown, or that no class is a seizure.

    Args:
        hours: of recording.
        seizures: as the scorer counts them.
        seizures_found: of these.
        false_alarms: detections that are none.
        delay_s: see `search.events.patients.Patient`.
    """

    hours: float | None = None
    seizures: int | None = None
    seizures_found: int | None = None
    false_alarms: int | None = None
    delay_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class TwoTally(EventTally):
    """A group's sums, of two classes.

    Args:
        positives: how many rows are.
        tp, fp, tn, fn: rows by label and decision.
    """

    positives: int
    tp: int
    fp: int
    tn: int
    fn: int


@dataclass(frozen=True, kw_only=True)
class ClassTally(EventTally):
    """A group's sums, of K classes: see `search.evaluation.scoring.Estimates.confusion`."""

    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class LabelTally:
    """A group's sums, of K labels.

    Args:
        right, decided, actual: rows of each label; see `search.scores.multiclass.decisions.ClassCounts`.
        exact: rows that are decided rightly in all labels.
    """

    right: tuple[int, ...]
    decided: tuple[int, ...]
    actual: tuple[int, ...]
    exact: int


@dataclass(frozen=True, kw_only=True)
class NumberTally:
    """How the targets of a group lie, in their own units: mean and standard deviation of all its rows."""

    target_mean: float
    target_sd: float


TallyT = TypeVar("TallyT")


@dataclass(frozen=True, kw_only=True)
class Measured(Generic[TallyT]):
    """What a model comes to on a group that it never saw.

    Args:
        tally: what sums over groups are made of.
        metrics: of all its rows.
        each: of each class or label, in their order.
    """

    tally: TallyT
    metrics: dict[str, float | None]
    each: dict[str, tuple[float | None, ...]]


def _of_two(
    fitted: Fitted, score: F32, reference: Reference, found: Estimates, study: Study
) -> Measured[TwoTally]:
    threshold = fitted.choice.threshold_score
    cells = counts_at(reference.y, score, threshold)
    events = _events(reference, decide(score, threshold), study)
    tally = TwoTally(
        positives=int(reference.y.sum()),
        tp=int(cells.tp),
        fp=int(cells.fp),
        tn=int(cells.tn),
        fn=int(cells.fn),
        **asdict(events),
    )
    metrics = _values(found) | _without_seizures(events)
    metrics |= {} if tally.positives else dict.fromkeys(OF_POSITIVES)
    return Measured(tally=tally, metrics=metrics, each={})


def _events(reference: Reference, decided: NDArray[np.bool_], study: Study) -> EventTally:
    """The seizures of decisions `(n,)`."""
    counts = decided_counts(reference, decided, study.events)
    if counts is None:
        return EventTally()
    delays = [patient.delay_s for patient in decided_patients(reference, decided, study.events)]
    return EventTally(
        hours=float(counts.seconds) / 3600,
        seizures=int(counts.ref),
        seizures_found=int(counts.tp),
        false_alarms=int(counts.fp),
        delay_s=delays[0] if delays else None,
    )


def _without_seizures(events: EventTally) -> dict[str, None]:
    return dict.fromkeys(OF_SEIZURES) if events.seizures == 0 else {}


def _of_classes(
    fitted: FittedClasses, score: F32, reference: Reference, found: Estimates, study: Study
) -> Measured[ClassTally]:
    matrix = np.array(found.confusion)
    rows, known = class_counts(matrix).actual, class_counts(matrix, decided_alone=True).actual
    metrics = _values(found) | _without(rows, "macro_")
    if "coverage" in metrics:  # rows may be left undecided
        metrics |= _without(known, "decided_macro_")
    events = EventTally()
    if seizures := study.events.places(reference.answers):
        events = _events(reference, np.isin(fitted.choice.decide(score), seizures), study)
        metrics |= _without_seizures(events)
    tally = ClassTally(confusion=tuple(tuple(map(int, row)) for row in matrix.tolist()), **asdict(events))
    return Measured(tally=tally, metrics=metrics, each=_each(found, rows))


def _of_labels(
    fitted: FittedLabels, score: F32, reference: Reference, found: Estimates, study: Study
) -> Measured[LabelTally]:
    counts = counts_of(reference.y, fitted.choice.decide(score))
    right, decided, actual = (
        tuple(map(int, of.tolist())) for of in (counts.each.right, counts.each.decided, counts.each.actual)
    )
    rows = counts.each.actual
    metrics = _values(found) | _without(rows, "macro_") | _without(rows.sum(keepdims=True), "micro_")
    tally = LabelTally(right=right, decided=decided, actual=actual, exact=int(counts.exact))
    return Measured(tally=tally, metrics=metrics, each=_each(found, rows))


def _of_number(
    fitted: object, score: F32, reference: Reference, found: Estimates, study: Study
) -> Measured[NumberTally]:
    y = reference.y
    tally = NumberTally(target_mean=float(y.mean()), target_sd=float(y.std()))
    return Measured(tally=tally, metrics=_values(found), each={})


def _values(found: Estimates) -> dict[str, float | None]:
    return {name: estimate.value for name, estimate in found.whole.items()}


def _without(rows: NDArray[np.float64], average: str) -> dict[str, None]:
    """The means over classes with these rows `(k,)` that say nothing, as undefined."""
    return {} if rows.all() else dict.fromkeys(f"{average}{name}" for name in OF_POSITIVES)


def _each(found: Estimates, rows: NDArray[np.float64]) -> dict[str, tuple[float | None, ...]]:
    """Metrics of each class with its rows `(K,)`."""
    return {
        name: tuple(
            None if name in OF_POSITIVES and not count else estimate.value
            for estimate, count in zip(estimates, rows.tolist(), strict=True)
        )
        for name, estimates in found.each.items()
    }


MEASURED: Mapping[TaskName, Callable[[Any, F32, Reference, Estimates, Study], Measured[Any]]] = (
    MappingProxyType({"binary": _of_two, "classes": _of_classes, "labels": _of_labels, "number": _of_number})
)
"""By the task: what was fitted, scores of a group, its rows, their estimates, and the study -> the group."""
