"""The decision that a record tells of, as its scoring fitted it."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.evaluation.binary import Fitted
from search.evaluation.by_task import claims_probabilities
from search.evaluation.multiclass import FittedClasses
from search.evaluation.multilabel import FittedLabels
from search.evaluation.regression import Undecided
from search.evaluation.scoring import Decision
from search.record import Record
from search.scores.calibration import Calibration, Fit
from search.scores.metrics import decide, sigmoid
from search.scores.multiclass.offsets import ClassChoice
from search.scores.multilabel.calibration import LabelFit
from search.scores.multilabel.thresholds import LabelThresholds, TopLabels
from search.scores.thresholds import Choice
from spaces.study import Study
from spaces.tasks import TaskName

Decided = Callable[[NDArray[np.float32]], NDArray[Any] | None]


def _of_two(record: Record, study: Study) -> Fitted:
    claimed, prevalence = claims_probabilities(record), study.objective.prevalence
    calibrated = claimed and record.calibration != "none" and record.calibration_note is None
    return Fitted(
        calibration=_calibration(record),
        calibration_note=record.calibration_note,
        choice=_choice(record.threshold_score, record.plateau_low, record.plateau_high),
        probabilistic=claimed,
        prevalence=prevalence if calibrated else None,
    )


def _calibration(record: Record) -> Calibration:
    return Calibration(float(record.calibration_a or 1), float(record.calibration_b or 0))


def _choice(threshold_score: float | None, low: float | None, high: float | None) -> Choice:
    at = float(threshold_score or 0)
    return Choice(at, float(sigmoid(at)), at if low is None else low, at if high is None else high)


def _of_classes(record: Record, study: Study) -> FittedClasses:
    fit = Fit(_calibration(record), record.calibration_note)
    choice = ClassChoice(
        offsets=record.offsets or (),
        low=record.plateaus_low or (),
        high=record.plateaus_high or (),
        reject_below=record.reject_below,
    )
    return FittedClasses(fit, choice, claims_probabilities(record))


def _of_labels(record: Record, study: Study) -> FittedLabels:
    slopes, shifts = record.calibrations_a or (), record.calibrations_b or ()
    calibrations = tuple(Calibration(a, b) for a, b in zip(slopes, shifts, strict=True))
    choice: LabelThresholds | TopLabels = TopLabels(record.top_k or 1)
    if record.top_k is None:
        plateaus = (record.thresholds or (), record.plateaus_low or (), record.plateaus_high or ())
        choice = LabelThresholds(tuple(_choice(*one) for one in zip(*plateaus, strict=True)))
    fit = LabelFit(calibrations, (None,) * len(calibrations))
    return FittedLabels(fit, record.calibration_note, choice, claims_probabilities(record))


def _of_number(record: Record, study: Study) -> Undecided:
    return Undecided()


RECORDED: Mapping[TaskName, Callable[[Record, Study], Decision]] = MappingProxyType(
    {"binary": _of_two, "classes": _of_classes, "labels": _of_labels, "number": _of_number}
)
"""What was fitted, by the task of a record and its study."""


def fitted_of(record: Record, study: Study) -> Any:
    """Returns what a record's scoring fitted, for its `estimates` of other rows."""
    return RECORDED[record.task](record, study)


def _by_choice(record: Record, study: Study) -> Decided:
    choice = fitted_of(record, study).choice
    return lambda score: np.asarray(choice.decide(score)).astype(np.int32)


def _by_threshold(record: Record, study: Study) -> Decided:
    return lambda score: decide(score, float(record.threshold_score or 0)).astype(np.int32)


DECISIONS: Mapping[TaskName, Callable[[Record, Study], Decided]] = MappingProxyType(
    {
        "binary": _by_threshold,
        "classes": _by_choice,
        "labels": _by_choice,
        "number": lambda record, study: lambda score: None,
    }
)
"""What decides scores as a record does: labels as a bundle puts them out; None where there are none."""


def decided(record: Record, study: Study, score: NDArray[np.float32]) -> NDArray[Any] | None:
    """Returns the decisions on scores `(n, ...)`; see `DECISIONS`."""
    return DECISIONS[record.task](record, study)(score)


def seizures(
    record: Record, study: Study, score: NDArray[np.float32], labels: Sequence[int]
) -> NDArray[np.bool_]:
    """Returns which of the rows a record decides to be a seizure: those with such a label."""
    found = decided(record, study, score)
    return np.zeros(len(score), np.bool_) if found is None else np.isin(found, labels)
