"""Tiny data and tiny configurations, with which a test can train a network in a second."""

from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from search.data.trial_data import TrialData
from spaces.configuration import Config
from spaces.heads import HEADS, Head
from spaces.losses import LOSSES

PAIRS = [(head, loss) for head in HEADS.values() for loss in head.losses]
"""Every valid pair of a head and a loss."""
PAIR_NAMES = [f"{head.name}-{loss}" for head, loss in PAIRS]

LOSS_OF = {head.name: head.losses[0] for head in HEADS.values()}
"""One loss of every head."""

RANGES = {"label_smoothing": (0.0, 0.5), "focal_gamma": (0.0, 8.0), "focal_alpha": (0.05, 0.95)}
"""What the parameters of a loss may be."""


def parameters(loss: str) -> st.SearchStrategy[dict[str, float]]:
    """Draws a loss's parameters."""
    return st.fixed_dictionaries({name: st.floats(*RANGES[name]) for name in LOSSES[loss].parameters})


def config(head: str, loss: str, **changes: Any) -> Config:
    """A configuration of a small `mlp`."""
    return Config.model_validate(
        {
            "trunk": "mlp",
            "width": 0.1,
            "head": head,
            "loss": loss,
            "learning_rate": 0.01,
            "optimizer": "adam",
            "batch_size": 16,
            "class_weight": "none",
            "hidden_layers": "none",
            "dropout": 0.0,
            **LOSSES[loss].parameters,
            **changes,
        }
    )


def blobs(n: int, apart: float = 2.0, positives: float = 0.5, seed: int = 0) -> tuple[Any, Any]:
    """Draws `n` points of two round clouds in the plane: inputs `(n, 2)` and labels `(n,)`, shuffled."""
    rng = np.random.default_rng(seed)
    y = (rng.permutation(n) < round(positives * n)).astype(np.int8)
    x = rng.normal(size=(n, 2)) + np.where(y == 1, apart / 2, -apart / 2)[:, None]
    return x.astype(np.float32), y


def trial_data(**shape: Any) -> TrialData:
    """Two clouds, for training and validation."""
    return TrialData(*blobs(160, **shape), *blobs(96, **{**shape, "seed": 1}))


@cache
def networks() -> Any:
    """What this process has compiled, for tests that train one trial after another, as a worker does.

    That each trial is what it is alone is what tests/search/training/test_compiled_networks.py shows.
    """
    from search.training.compiled_networks import CompiledNetworks

    return CompiledNetworks()


def towards_positive(head: Head) -> Any:
    """The direction `(logits,)` in which a head's logits say positive: where its targets differ."""
    negative, positive = head.encode(np.array([0, 1]))
    return positive - negative


def measured(trunk, head, raw_threshold):
    """A record of a trial with a threshold, calibrated as 2 raw + 1."""
    from search.record import Ask, Record

    chosen = config(head, LOSS_OF[head], trunk=trunk, width=0.1)
    return Record.model_construct(
        ask=Ask(number=0, kind="search", config=chosen, seed=0),
        state="completed",
        threshold_score=2 * raw_threshold + 1,
        calibration_a=2.0,
        calibration_b=1.0,
    )
