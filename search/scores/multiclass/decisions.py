"""Decides K exclusive classes by scores and offsets, and counts what was decided."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import F64
from search.scores.ranking import float32_scores, weights

F32 = NDArray[np.float32]
UNDECIDED = -1
"""The decision of a row that is not decided."""


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Weighted counts by class, float64 `(..., K)` each.

    Args:
        right: the rows of a class that were decided to be of it.
        decided: all rows decided to be of it.
        actual: all rows of it, decided or not.
    """

    right: F64
    decided: F64
    actual: F64


def decide_classes(score: F32, offsets: F32, reject_below: float | None = None) -> NDArray[np.int16]:
    """The one function that turns scores of classes into a class: the largest of score + offset, in float32.

    Of equally large ones it is the later class: of two classes with scores -d/2 and d/2 and the offsets
    t/2 and -t/2, the second is decided exactly where `d >= t`, the rule of a single threshold.

    Args:
        score: float32 `(n, K)`.
        offsets: float32 `(K,)`; a class with -inf is never decided.
        reject_below: rows whose largest probability (see `claimed`) is below it are not decided.

    Returns:
        The place of the class, int16 `(n,)`; -1 where the row is not decided.

    Raises:
        TypeError: scores or offsets that are not float32.
        ValueError: other shapes, or an offset that is NaN.
    """
    classes_of(score)
    if float32_scores(offsets).shape != score.shape[1:] or np.isnan(offsets).any():
        raise ValueError(f"offsets must be {score.shape[1]} numbers, one a class, but got {offsets.tolist()}")
    with np.errstate(over="ignore"):  # beyond the largest float32 scores are equal
        decided = winners(score.T + offsets[:, None])[1].astype(np.int16)
    if reject_below is not None:
        decided[claimed(score) < reject_below] = UNDECIDED
    return decided


def winners(shifted: NDArray[Any], but: int | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    """The largest of each column of `(K, n)` and its row, the later of equal ones; row `but` is left out."""
    some = [k for k in range(len(shifted)) if k != but]
    largest = shifted[some[0]].copy()
    place = np.full(
        shifted.shape[1], some[0], np.min_scalar_type(len(shifted))
    )  # small ones are quick to sort
    for k in some[1:]:
        np.copyto(place, k, where=shifted[k] >= largest)
        np.maximum(largest, shifted[k], out=largest)
    return largest, place


def claimed(score: F32) -> F32:
    """The largest of the softmax probabilities of each row, float32 `(n,)`.

    In float32 like a graph's, whose exponential may differ in the last digit.
    """
    shifted = float32_scores(score) - score.max(axis=1, keepdims=True)
    return np.asarray(np.float32(1) / np.exp(shifted).sum(axis=1), np.float32)


def classes_of(score: F32) -> int:
    """How many classes scores `(n, K)` are of.

    Raises:
        TypeError, ValueError: not float32, or of another shape.
    """
    shape = float32_scores(score).shape
    if len(shape) != 2 or shape[0] == 0 or shape[1] < 2:
        raise ValueError(f"scores of classes must have shape (n, K) with n >= 1 and K >= 2, but got {shape}")
    return int(shape[1])


def codes(y: NDArray[Any], score: F32) -> NDArray[np.intp]:
    """Labels as places of classes `(n,)`, checked against the scores `(n, K)`.

    Raises:
        ValueError: another shape, or a label that is none of 0 to K - 1.
    """
    size, y = classes_of(score), np.asarray(y)
    if y.shape != score.shape[:1]:
        raise ValueError(f"labels must have shape {score.shape[:1]}, one a row of scores, but got {y.shape}")
    known = (y >= 0) & (y < size) & (y == np.floor(y))
    if not known.all():
        raise ValueError(
            f"labels of {size} classes must be 0 to {size - 1}, but got {np.unique(y[~known])[:5].tolist()}"
        )
    return y.astype(np.intp)


def confusion(
    y: NDArray[Any], decided: NDArray[Any], classes: int, weight: F64 | None = None
) -> NDArray[np.float64]:
    """Weighted counts of rows by class and decision, `(K, K + 1)`; the last column is of undecided rows.

    Args:
        y: places of classes `(n,)`.
        decided: from `decide_classes`, `(n,)`.
        classes: K.
        weight: row weights `(n,)`.
    """
    cell = y.astype(np.intp) * (classes + 1) + np.where(decided == UNDECIDED, classes, decided)
    amounts = None if weight is None else weights(weight, y)
    return (
        np.bincount(cell, amounts, (classes + 1) * classes).reshape(classes, classes + 1).astype(np.float64)
    )


def class_counts(matrix: F64, *, decided_alone: bool = False) -> ClassCounts:
    """The counts by class of a matrix from `confusion`, `(..., K, K + 1)`.

    Args:
        matrix: see there.
        decided_alone: leaves undecided rows out; they count as missed otherwise.
    """
    square = matrix[..., :-1]
    rows = square if decided_alone else matrix
    return ClassCounts(np.diagonal(square, axis1=-2, axis2=-1), square.sum(axis=-2), rows.sum(axis=-1))
