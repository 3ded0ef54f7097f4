"""How a trial's decision becomes part of its graph, for each task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from search.record import Record
from spaces.tasks import TaskName

LARGEST = float(np.finfo(np.float32).max)
"""Stands for infinity in a graph, for no finite score is above it."""
Margin = Callable[[NDArray[np.float32]], NDArray[np.float64] | None]
"""From scores to how far each decision is from another one; None where nothing is decided."""


@dataclass(frozen=True, kw_only=True)
class Decider:
    """Calibration and decision of a trial.

    Args:
        calibrate: in a graph, from raw scores to scores, of one shape.
        says: in a graph, from scores to what else is put out: `probability` and `label`.
        margin: of scores, see `Margin`.
    """

    calibrate: Callable[[Any], Any]
    says: Callable[[Any], dict[str, Any]]
    margin: Margin


def at_threshold(threshold_score: float, calibration: tuple[float, float] = (1.0, 0.0)) -> Decider:
    """Decides `score >= threshold_score`, where the score is `a * raw + b`."""
    threshold = float(np.clip(threshold_score, -LARGEST, LARGEST))

    def says(score: Any) -> dict[str, Any]:
        label = ops.cast(ops.greater_equal(score, threshold), "int32")
        return {"probability": ops.sigmoid(score), "label": label}

    return Decider(
        calibrate=lambda raw: raw * calibration[0] + calibration[1],
        says=says,
        margin=lambda score: np.abs(score.astype(np.float64) - np.float64(threshold_score)),
    )


def _of_two(record: Record) -> Decider:
    return at_threshold(
        record.threshold_score or 0.0, (record.calibration_a or 1.0, record.calibration_b or 0.0)
    )


def _finite(values: tuple[float, ...] | None) -> NDArray[np.float32]:
    return np.clip(np.array(values, np.float64), -LARGEST, LARGEST).astype(np.float32)


def _of_classes(record: Record) -> Decider:
    slope, offsets, least = record.calibration_a or 1.0, _finite(record.offsets), record.reject_below
    places = np.arange(len(offsets), dtype=np.float32)

    def says(score: Any) -> dict[str, Any]:
        # The later of equal ones. Keras' argmax takes the first, and on TensorFlow compares bits, which ONNX
        # runtimes have no operation for.
        shifted = score + offsets
        largest = ops.equal(shifted, ops.max(shifted, axis=-1, keepdims=True))
        label = ops.cast(ops.max(ops.where(largest, places, 0.0), axis=-1), "int32")
        if least is not None:
            lead = score - ops.max(score, axis=-1, keepdims=True)
            label = ops.where(1 / ops.sum(ops.exp(lead), axis=-1) < least, -1, label)
        return {"probability": ops.softmax(score, axis=-1), "label": label}

    def margin(score: NDArray[np.float32]) -> NDArray[np.float64]:
        shifted = np.sort(score.astype(np.float64) + offsets, axis=1)
        apart = shifted[:, -1] - shifted[:, -2]
        if least is None:
            return np.asarray(apart)
        top = score.max(axis=1, keepdims=True)
        claimed = 1 / np.exp(score.astype(np.float64) - top).sum(axis=1)
        return np.asarray(np.minimum(apart, np.abs(claimed - least)))

    return Decider(calibrate=lambda raw: raw * slope, says=says, margin=margin)


def _of_labels(record: Record) -> Decider:
    slopes, shifts = _finite(record.calibrations_a), _finite(record.calibrations_b)
    size, most = len(slopes), record.top_k
    later = np.tril(np.ones((size, size), np.bool_), -1).T  # [k, j]: whether j comes after k

    def by_place(score: Any) -> Any:
        mine, others = ops.expand_dims(score, 2), ops.expand_dims(score, 1)
        ahead = ops.logical_or(others > mine, ops.logical_and(ops.equal(others, mine), later))
        return ops.sum(ops.cast(ahead, "int32"), axis=2) < (most or 0)

    def says(score: Any) -> dict[str, Any]:
        found = by_place(score) if most is not None else score >= _finite(record.thresholds)
        return {"probability": ops.sigmoid(score), "label": ops.cast(found, "int32")}

    def margin(score: NDArray[np.float32]) -> NDArray[np.float64]:
        exact = score.astype(np.float64)
        if most is None:
            return np.asarray(np.abs(exact - np.array(record.thresholds, np.float64)))
        if most >= size:
            return np.full((len(score), 1), np.inf)
        ordered = np.sort(exact, axis=1)[:, ::-1]
        return np.asarray(ordered[:, most - 1 : most] - ordered[:, most : most + 1])

    return Decider(calibrate=lambda raw: raw * slopes + shifts, says=says, margin=margin)


def _of_number(record: Record) -> Decider:
    return Decider(calibrate=lambda raw: raw, says=lambda score: {}, margin=lambda score: None)


DECIDERS: Mapping[TaskName, Callable[[Record], Decider]] = MappingProxyType(
    {"binary": _of_two, "classes": _of_classes, "labels": _of_labels, "number": _of_number}
)
"""The decision of a record, by its task."""


def decider_of(record: Record) -> Decider:
    """Returns the calibration and decision of a trained trial."""
    return DECIDERS[record.task](record)


def sure(margin: NDArray[np.float64], score: NDArray[np.float32], tolerance: float) -> NDArray[np.bool_]:
    """Which decisions hold where scores may be off by a tolerance relative to 1 + |score|.

    Args:
        margin: of these scores, `(n,)`, or of other than binary tasks `(n, K)` or `(n, 1)`.
        score: `(n, ...)`.
        tolerance: the share.
    """
    off = tolerance * (1 + np.abs(score.astype(np.float64)))
    if off.shape != margin.shape:  # a decision of several scores, two of which may be off
        off = 2 * off.max(axis=1).reshape(len(off), *[1] * (margin.ndim - 1))
    return np.asarray(margin > off)
