"""The losses as numpy formulas of the raw score; every trial's training loss is held against them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """One loss.

    Args:
        name: its name in studies, records and leaderboards.
        parameters: the names of its parameters in a `Config`, with neutral values.
        formula: per-row loss from labels `(n,)` in {0, 1} and raw scores `(n,)`, float64.
        probabilistic: whether sigmoid(raw score) estimates a probability after training on it.
    """

    name: str
    parameters: Mapping[str, float]
    formula: Callable[[Array, Array, Mapping[str, float]], Array]
    probabilistic: bool

    def per_row(self, y: NDArray[np.generic], raw: NDArray[np.generic], **parameters: float) -> Array:
        """Returns the loss of each row, `(n,)` float64, for raw scores `(n,)` of any finite size.

        Labels `(n, 1)` with a head's votes `(n, k)` give the loss of each vote, `(n, k)`.
        """
        return self.formula(y.astype(np.float64), raw.astype(np.float64), {**self.parameters, **parameters})


def _softplus(z: Array) -> Array:
    return np.logaddexp(0.0, z)


def _sigmoid(z: Array) -> Array:
    return np.exp(-_softplus(-z))


def _cross_entropy(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Label smoothing moves both classes' targets towards 1/2 (Szegedy et al. 2016, section 7).
    smoothing = parameters["label_smoothing"]
    target = y * (1 - smoothing) + smoothing / 2
    return target * _softplus(-z) + (1 - target) * _softplus(z)


def _focal(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Lin et al. 2017, equation 5: -alpha_t (1 - p_t)^gamma log p_t, with alpha_t = alpha for positives.
    signed = np.where(y == 1, z, -z)
    alpha = np.where(y == 1, parameters["focal_alpha"], 1 - parameters["focal_alpha"])
    return alpha * np.exp(-parameters["focal_gamma"] * _softplus(signed)) * _softplus(-signed)


def _brier(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Brier 1950. (p - y)^2 = sigmoid(-+z)^2, which keeps its digits where p is next to y.
    return _sigmoid(np.where(y == 1, -z, z)) ** 2


def _hinge(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    return np.maximum(0.0, 1 - (2 * y - 1) * z)


def _squared_hinge(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    return _hinge(y, z, parameters) ** 2


_ALL = (
    Loss(name="bce", parameters={"label_smoothing": 0.0}, formula=_cross_entropy, probabilistic=True),
    Loss(name="cce", parameters={"label_smoothing": 0.0}, formula=_cross_entropy, probabilistic=True),
    Loss(
        name="focal",
        parameters={"focal_gamma": 2.0, "focal_alpha": 0.5},
        formula=_focal,
        probabilistic=False,
    ),
    Loss(name="brier", parameters={}, formula=_brier, probabilistic=True),
    Loss(name="hinge", parameters={}, formula=_hinge, probabilistic=False),
    Loss(name="squared_hinge", parameters={}, formula=_squared_hinge, probabilistic=False),
)
LOSSES: Mapping[str, Loss] = MappingProxyType({loss.name: loss for loss in _ALL})
"""Every loss, by name."""
