"""What every peer is given: rows, the form of the network, the batch, the seed, and how long it has."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

EPOCHS = 10
"""The most a trial may train."""
LEARNING_RATE = (1e-4, 1e-2)
"""On a logarithmic scale."""
DROPOUT = (0.0, 0.5)
HEADS = ["sigmoid", "softmax"]
OPTIMIZERS = ["adam", "sgd", "adamw"]
CLASS_WEIGHTS = ["none", "balanced"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """The task of a peer.

    Args:
        data: folder of `x_train.npy`, `y_train.npy`, `x_validation.npy` and `y_validation.npy`.
        out: folder of its own, where it writes what it likes.
        began: when it was launched, `time.time()`.
        form: `conv3d` or `conv2d`.
        batch: rows per step.
        seed: of the sampler and of the first weights.
        seconds: how long the search may take; the harness ends it then in any case.
    """

    data: Path
    out: Path
    began: float
    form: str
    batch: int
    seed: int
    seconds: float

    def rows(self, part: str) -> tuple[Any, Any]:
        """Loads the inputs and labels of `train` or `validation`, as the form of the network takes them."""
        x, y = np.load(self.data / f"x_{part}.npy"), np.load(self.data / f"y_{part}.npy")
        return (x[..., np.newaxis] if self.form == "conv3d" else x), y


def given() -> Given:
    """Reads the command line."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--began", type=float, required=True)
    parser.add_argument("--form", choices=["conv3d", "conv2d"], required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    return Given(**vars(parser.parse_args()))


def class_weight(name: str, y: Any) -> dict[int, float] | None:
    """Weights for `fit` by which both classes count the same, or None."""
    if name == "none":
        return None
    counts = np.bincount(y, minlength=2)
    return {label: float(len(y) / (2 * counts[label])) for label in (0, 1)}
