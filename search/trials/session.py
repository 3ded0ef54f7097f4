"""The interface of a trial in training: how it is advanced, and the best epoch it returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.data.trial_data import TrialData
from search.record import Ask
from spaces.study import Study


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """The best epoch of a trial so far.

    Args:
        raw: raw scores of the validation rows, `(n,)` float32.
        weights: the model's weights, in `get_weights()` order; empty for a baseline.
        epochs: epochs trained.
        best_epoch: the epoch that `raw` and `weights` come from, counted from 1.
        steering_value: the steering metric at that epoch.
        history: per epoch: training loss, steering value, learning rate.
        proof: relative difference found by the proof of the decode; None for a baseline.
    """

    raw: NDArray[np.float32]
    weights: list[NDArray[np.generic]]
    epochs: int
    best_epoch: int
    steering_value: float
    history: tuple[tuple[float, float, float], ...]
    proof: float | None


class Session(Protocol):
    """A trial in training."""

    @property
    def device(self) -> str:
        """What it computes on: `cpu`, or an accelerator's name."""

    @property
    def precision(self) -> str | None:
        """`float32`, `mixed_bfloat16` or `mixed_float16`; None where nothing is trained."""

    @property
    def finished(self) -> bool:
        """Whether training is over."""

    def advance(self, epochs: int) -> None:
        """Trains on until `epochs` epochs are done in all, or the session is finished.

        Raises:
            TrialError: the training cannot go on.
        """

    def best(self) -> Trained:
        """Returns the best epoch so far, its decode proven; training can go on afterwards.

        Raises:
            TrialError: the proof failed.
        """


Trainer = Callable[[Ask, Study, TrialData], Session]
"""Starts a session; must be importable by name, since workers import it."""


def rungs(study: Study) -> tuple[int, ...]:
    """Returns the epochs at which trials are compared, the last one being the most a trial may train."""
    epochs, rung, found = study.training.epochs, study.asha.grace, []
    while study.asha.enabled and rung < epochs:
        found.append(rung)
        rung *= study.asha.reduction
    return (*found, epochs)
