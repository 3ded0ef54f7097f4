"""What the page draws of one trial of K classes, K labels or a number."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.page.events import Detector
from reports.page.table import number, rounded
from reports.page.trial import learning_curve
from search.evaluation.recorded_decisions import seizures
from search.record import Record
from search.runs.run_folder import RunFolder
from search.scores.multiclass.metrics import against_rest
from search.scores.reference import Reference
from search.scores.thresholds import curve
from spaces.study import Study
from spaces.tasks import TaskName

SCORES = 40_000
"""At most so many scores of a trial go into the page (50 trials: 11 MB); with more it has no sliders."""
POINTS = 200
"""At most so many points of a curve."""


def detail(
    run: RunFolder, study: Study, record: Record, reference: Reference, detector: Detector | None
) -> dict[str, Any]:
    """Returns what is drawn of a trial.

    Args:
        run: its run.
        study: the run's.
        record: the trial.
        reference: the validation rows.
        detector: of these rows; None where there are no events.
    """
    _, score = run.scores(record.ask.trial_id)
    return {
        "history": learning_curve(record),
        "events": None if detector is None else _events(study, record, reference, score, detector),
        "many": _MADE[record.task](record, reference, score),
    }


def _events(
    study: Study, record: Record, reference: Reference, score: NDArray[np.float32], detector: Detector
) -> dict[str, Any]:
    """The events of classes, which have one decision and no cuts."""
    found = seizures(record, study, score, study.events.places(reference.answers))
    return detector.as_json(detector.detect(found.astype(np.float32), np.array([0.5], np.float32), 0))


def _of_number(record: Record, reference: Reference, score: NDArray[np.float32]) -> dict[str, Any]:
    return {"kind": "number", "answers": [], "each": {}, "curves": [], "confusion": None, "moves": None}


def _of_classes(record: Record, reference: Reference, score: NDArray[np.float32]) -> dict[str, Any]:
    positive = reference.y[:, None] == np.arange(score.shape[1])
    moves = None
    if record.reject_below is None:
        moves = _moves(reference.y.astype(np.uint8), score, record.offsets or ())
    return _shared("classes", record, reference, positive, against_rest(score), moves)


def _of_labels(record: Record, reference: Reference, score: NDArray[np.float32]) -> dict[str, Any]:
    moves = None
    if record.thresholds is not None:
        moves = _moves(reference.y.astype(np.uint8), score, record.thresholds)
    return _shared("labels", record, reference, reference.y == 1, score, moves)


_MADE: Mapping[TaskName, Callable[[Record, Reference, NDArray[np.float32]], dict[str, Any]]] = {
    "classes": _of_classes,
    "labels": _of_labels,
    "number": _of_number,
}


def _shared(
    kind: str,
    record: Record,
    reference: Reference,
    positive: NDArray[np.bool_],
    score: NDArray[np.float32],
    moves: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "answers": [str(answer) for answer in reference.answers],
        "each": {
            name: [[one.value, rounded(one.low), rounded(one.high)] for one in of]
            for name, of in record.each.items()
        },
        "curves": [_curve(positive[:, k], np.ascontiguousarray(score[:, k])) for k in range(score.shape[1])],
        "confusion": None if record.confusion is None else [list(row) for row in record.confusion],
        "moves": moves,
    }


def _moves(y: NDArray[np.uint8], score: NDArray[np.float32], cuts: Sequence[float]) -> dict[str, Any] | None:
    """What sliders need: labels and scores, bit for bit, in base64, row by row; None where they are many."""
    if score.size > SCORES or score.shape[1] > np.iinfo(np.uint8).max:
        return None
    little = np.ascontiguousarray(score).astype("<f4")
    return {
        "y": base64.b64encode(y.tobytes()).decode(),
        "scores": base64.b64encode(little.tobytes()).decode(),
        "cuts": [number(cut) for cut in cuts],
    }


def _curve(positive: NDArray[np.bool_], score: NDArray[np.float32]) -> dict[str, list[float | None]]:
    """Counts at cuts from the lowest to the highest, of one class against the rest, as shares."""
    counts = curve(positive, score).counts
    kept = np.unique(np.linspace(0, counts.tp.size - 1, min(POINTS, counts.tp.size)).astype(np.int64))
    tp, fp = counts.tp[kept], counts.fp[kept]
    p, n = counts.tp[0], counts.fp[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = {"recall": tp / p, "false": fp / n, "precision": tp / (tp + fp)}
    return {
        name: [rounded(value) if np.isfinite(value) else None for value in values.tolist()]
        for name, values in shares.items()
    }
