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


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a trial runs.

    Args:
        node: address of the host.
        gpu_ids: the GPUs that Ray gave the worker, `0` or `0,1`; None without.
        gpu_share: how much of a GPU, or how many.
    """

    node: str
    gpu_ids: str | None = None
    gpu_share: float = 0.0


def this_place(gpu_share: float) -> Place:
    """Returns where a worker of Ray's is, which calls this itself."""
    import ray

    gpu_ids = ",".join(map(str, ray.get_gpu_ids())) or None
    return Place(node=ray.util.get_node_ip_address(), gpu_ids=gpu_ids, gpu_share=gpu_share)


@dataclass(frozen=True, kw_only=True)
class Together:
    """How a trial was trained together with others.

    Args:
        place: where; of the GPU, the trial's part alone.
        fused: the most trials that one program held, this one among them; None if there was none.
        notes: what the run is to say, once.
        lost: why the process that trained it died, each time that it started again.
    """

    place: Place
    fused: int | None
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class Session(Protocol):
    """A trial in training."""

    @property
    def together(self) -> Together | None:
        """How it is trained together with others; None where it has a process of its own."""

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
