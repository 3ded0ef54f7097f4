"""Decides K labels, and chooses what decides them: a threshold a label, one for all, or the top k."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import F64, decide
from search.scores.ranking import float32_scores, positives, weights
from search.scores.thresholds import NO_LIMITS, Choice, Limits, choose, curve
from spaces import policies as rules
from spaces.base import Label
from spaces.errors import TrialError

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class LabelThresholds:
    """A threshold for each label, with its plateau; a shared one stands K times."""

    choices: tuple[Choice, ...]

    def decide(self, score: F32) -> NDArray[np.bool_]:
        """`score >= threshold_score` of each label, in float32, `(n, K)`."""
        labels_of(score, len(self.choices))
        columns = [decide(score[:, k], one.threshold_score) for k, one in enumerate(self.choices)]
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class TopLabels:
    """The `k` labels of each row with the largest scores; of equal scores the later label."""

    k: int

    def decide(self, score: F32) -> NDArray[np.bool_]:
        """Which labels are among the k largest of their row, `(n, K)`; all where there are no more than k."""
        labels_of(score)
        from_last = score[:, ::-1] + np.float32(0)
        order = np.argsort(-from_last, axis=1, kind="stable")[:, : self.k]
        found = np.zeros(score.shape, np.bool_)
        np.put_along_axis(found, score.shape[1] - 1 - order, True, axis=1)
        return found


def labels_of(score: F32, labels: int | None = None) -> int:
    """How many labels scores `(n, K)` are of.

    Raises:
        TypeError, ValueError: not float32, of another shape, or of another number of labels.
    """
    shape = float32_scores(score).shape
    if len(shape) != 2 or 0 in shape or (labels is not None and shape[1] != labels):
        wanted = "(n, K) with n >= 1 and K >= 1" if labels is None else f"(n, {labels})"
        raise ValueError(f"scores of labels must have shape {wanted}, but got {shape}")
    return int(shape[1])


def choose_labels(
    y: NDArray[Any],
    score: F32,
    rule: rules.LabelRule,
    names: Sequence[Label],
    limits: Limits = NO_LIMITS,
    weight: F64 | None = None,
) -> LabelThresholds | TopLabels:
    """What a rule chooses to decide labels by.

    A rule of a single threshold is used for each label by itself, which makes the mean over labels of what it
    looks at as large as can be. `max_micro_f1` is the largest F1 of all cells of the matrix taken together,
    exact over all thresholds that are the same for every label.

    Args:
        y: 0/1 or bool `(n, K)`.
        score: finite, float32 `(n, K)`.
        rule: the rule.
        names: of the K labels, for messages.
        limits: what the threshold of each label must keep; of `top_k` none may be asked.
        weight: row weights `(n,)`.

    Raises:
        TrialError: a score is NaN or infinite, or a label's rule cannot be met; its name is in the message.
        ValueError, TypeError: shapes that differ, labels other than 0/1, scores not float32.
    """
    size = labels_of(score, len(names))
    positive = positives(y, score)
    if weight is not None:
        weight = weights(weight, score[:, 0])
    if isinstance(rule, rules.TopK):
        return TopLabels(rule.k)
    if isinstance(rule, rules.MaxMicroF1):
        cells = None if weight is None else weight.repeat(size)
        shared = choose(curve(positive.ravel(), score.ravel(), cells), rules.MaxF1(), limits)
        return LabelThresholds((shared,) * size)
    choices = []
    for k, name in enumerate(names):
        try:
            choices.append(choose(curve(positive[:, k], score[:, k].copy(), weight), rule, limits))
        except TrialError as error:
            raise TrialError(f"label {name!r}: {error}") from None
    return LabelThresholds(tuple(choices))
