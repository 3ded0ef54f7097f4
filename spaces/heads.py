"""The table of heads: how labels are encoded, and how logits become scores.

A head is a frozen value. Its `decode` uses indexing and arithmetic alone, so the same function serves
numpy arrays, tensors inside a trial, and the graph of a bundle: there is no second decoder to disagree.
Those of a binary task stand here; those of K classes, K labels and a number are in `spaces.task_heads`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.losses import Array, Columns, Loss, losses_of
from spaces.tasks import BINARY, Task


@dataclass(frozen=True, kw_only=True)
class Head:
    """The last layer of a network, with the labels it is trained on and the way back to a score.

    Labels and scores are `(n, ...)`: `(n,)` of a binary task and of a number; of K classes the labels are
    codes `(n,)` and the scores `(n, K)`; of K labels both are `(n, K)`.

    Args:
        name: its name in studies, records and leaderboards.
        logits: how many linear outputs it has.
        columns: what the columns are to each other, by which a loss is computed: see `spaces.losses`.
        losses: the names of the losses it takes.
        encode: labels -> targets `(n, logits)`, float32.
        votes: logits `(n, logits)` -> raw scores `(n, k, ...)`, one for each of its answers to the question;
            the loss of a row is the mean over them.
        decode: logits `(n, logits)` -> raw scores `(n, ...)`, the mean of the votes; higher means more
            positive. Written apart from them: the proof of the decode holds one against the other.
        compared: labels and raw scores `(n, k, ...)` -> what a loss compares, float64, of shapes that
            broadcast. Written apart from `encode`, for the same reason.
        probabilistic: whether the raw score is a log-odds, or of K exclusive classes the log of a probability
            but for a constant of each row, before any calibration.
        task: what it answers.
    """

    name: str
    logits: int
    columns: Columns
    losses: tuple[str, ...]
    encode: Callable[[NDArray[np.generic]], NDArray[np.float32]]
    votes: Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]]
    decode: Callable[[Any], Any]
    compared: Callable[[NDArray[np.generic], NDArray[np.float64]], tuple[Array, Array]]
    probabilistic: bool
    task: Task = BINARY

    def loss(self, name: str) -> Loss:
        """Returns one of its losses, as a formula of what `compared` gives."""
        return losses_of(self.columns)[name]

    def score(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the raw scores `(n, ...)`, float32, of logits `(n, logits)`.

        Raises:
            ValueError: the logits have another shape or type.
        """
        if logits.ndim != 2 or logits.shape[1] != self.logits or logits.dtype != np.float32:
            raise ValueError(
                f"head {self.name!r} decodes float32 logits of shape (n, {self.logits}), "
                f"but got {logits.dtype} of shape {logits.shape}"
            )
        raw: NDArray[np.float32] = self.decode(logits)
        return raw


def _one_column(y: NDArray[np.generic]) -> NDArray[np.float32]:
    return y.astype(np.float32)[:, None]


def _two_columns(y: NDArray[np.generic]) -> NDArray[np.float32]:
    positive = y.astype(np.float32)
    return np.stack([1 - positive, positive], axis=1)


def _only_logit(z: Any) -> Any:
    return z[:, 0]


def _difference(z: Any) -> Any:
    # The second of softmax([z0, z1]) is sigmoid(z1 - z0).
    return z[:, 1] - z[:, 0]


def _half_difference(z: Any) -> Any:
    # Two answers, the log-odds -z0 and z1; their mean.
    return (z[:, 1] - z[:, 0]) / 2


def _as_they_are(z: NDArray[np.float32]) -> NDArray[np.float32]:
    return z


def _between_columns(z: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.diff(z, axis=1)


def _of_each_column(z: NDArray[np.float32]) -> NDArray[np.float32]:
    # The first column answers "is it negative?", with the opposite sign.
    return z * np.array([-1, 1], dtype=np.float32)


def _label_of_each(
    y: NDArray[np.generic], votes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return y.astype(np.float64)[:, None], votes


_ALL = (
    Head(
        name="sigmoid",
        logits=1,
        columns="each",
        losses=("bce", "focal", "brier"),
        encode=_one_column,
        votes=_as_they_are,
        decode=_only_logit,
        compared=_label_of_each,
        probabilistic=True,
    ),
    Head(
        name="softmax",
        logits=2,
        columns="shared",
        losses=("cce", "focal", "brier"),
        encode=_two_columns,
        votes=_between_columns,
        decode=_difference,
        compared=_label_of_each,
        probabilistic=True,
    ),
    Head(
        name="margin",
        logits=1,
        columns="each",
        losses=("hinge", "squared_hinge"),
        encode=_one_column,
        votes=_as_they_are,
        decode=_only_logit,
        compared=_label_of_each,
        probabilistic=False,
    ),
    Head(
        name="two_sigmoids",
        logits=2,
        columns="each",
        losses=("bce", "focal", "brier"),
        encode=_two_columns,
        votes=_of_each_column,
        decode=_half_difference,
        compared=_label_of_each,
        # Each column alone estimates a probability; the mean of two log-odds only comes near one.
        probabilistic=False,
    ),
)
HEADS: Mapping[str, Head] = MappingProxyType({head.name: head for head in _ALL})
"""Every head of a binary task, by name."""
