"""The losses as numpy formulas of the raw score; every trial's training loss is held against them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Columns = Literal["each", "shared", "exclusive", "one_vs_rest", "margins", "independent", "standardised"]
"""What a head's columns are to each other. Binary: `each` answers for itself, or both are `shared` by one
probability. K classes: `exclusive` ones share one probability, `one_vs_rest` answer for themselves, `margins`
are compared. K labels are `independent`. The one column of a number is `standardised`."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """One loss.

    Args:
        name: its name in studies, records and leaderboards.
        parameters: the names of its parameters in a `Config`, with neutral values.
        formula: loss from labels in {0, 1} and raw scores of the same shape, float64: one loss of each. Of
            exclusive classes, from one-hot labels and raw scores `(..., K)`: one loss of each K. Of a number,
            from targets and predictions, both standardised.
        probabilistic: whether the raw score estimates a probability after training on it: by its sigmoid, or
            by the softmax of exclusive classes.
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
"""Every loss of a binary task, by name."""


def _log_softmax(z: Array) -> Array:
    # The largest is left out of the sum, which then keeps its digits where a probability is next to 1.
    top = z.argmax(axis=-1, keepdims=True)
    below = z - np.take_along_axis(z, top, axis=-1)
    others = np.exp(below)
    np.put_along_axis(others, top, 0.0, axis=-1)
    return np.asarray(below - np.log1p(others.sum(axis=-1, keepdims=True)))


def _class_entropy(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Smoothing gives every class an equal share of the target (Szegedy et al. 2016, section 7).
    smoothing = parameters["label_smoothing"]
    target = y * (1 - smoothing) + smoothing / y.shape[-1]
    return np.asarray(-(target * _log_softmax(z)).sum(axis=-1))


def _class_focal(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Lin et al. 2017, equation 4, of the true class: -(1 - p)^gamma log p. One minus p is the others' sum.
    log_p = _log_softmax(z)
    others = (np.exp(log_p) * (1 - y)).sum(axis=-1)
    return np.asarray(-(others ** parameters["focal_gamma"]) * (log_p * y).sum(axis=-1))


def _class_brier(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Half of Brier's 1950 sum of squares, which is the binary Brier score where K = 2, and lies in [0, 1].
    others = np.exp(_log_softmax(z)) * (1 - y)
    return np.asarray(((others**2).sum(axis=-1) + others.sum(axis=-1) ** 2) / 2)


def _class_hinge(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Crammer and Singer 2001: the true class is to lead the best other one by 1. Keras' lets a 0 stand among
    # the others, and so asks more of a row whose margins are all negative.
    best_other = np.where(y == 1, -np.inf, z).max(axis=-1)
    return np.asarray(np.maximum(0.0, 1 + best_other - (y * z).sum(axis=-1)))


def _asymmetric(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Ridnik et al. 2021, equations 4 to 6: positives and negatives have an exponent each, and a negative
    # whose probability is below the shift costs nothing.
    positive = np.exp(-parameters["asymmetric_gamma_positive"] * _softplus(z)) * _softplus(-z)
    shifted = np.maximum(_sigmoid(z) - parameters["asymmetric_shift"], 0.0)
    negative = -(shifted ** parameters["asymmetric_gamma_negative"]) * np.log1p(-shifted)
    return np.where(y == 1, positive, negative)


def _squared(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    return np.square(z - y)


def _absolute(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    return np.abs(z - y)


def _huber(y: Array, z: Array, parameters: Mapping[str, float]) -> Array:
    # Huber 1964: squared up to delta standard deviations, and linear beyond.
    off, delta = np.abs(z - y), parameters["huber_delta"]
    return np.where(off <= delta, off**2 / 2, delta * off - delta**2 / 2)


_EACH = (LOSSES["bce"], LOSSES["focal"])
_ASYMMETRIC = {"asymmetric_gamma_positive": 0.0, "asymmetric_gamma_negative": 4.0, "asymmetric_shift": 0.05}
_GROUPS: tuple[tuple[Columns, tuple[Loss, ...]], ...] = (
    ("each", _ALL),
    ("shared", _ALL),
    (
        "exclusive",
        (
            Loss(
                name="cce",
                parameters={"label_smoothing": 0.0},
                formula=_class_entropy,
                probabilistic=True,
            ),
            Loss(name="focal", parameters={"focal_gamma": 2.0}, formula=_class_focal, probabilistic=False),
            Loss(name="brier", parameters={}, formula=_class_brier, probabilistic=True),
        ),
    ),
    ("one_vs_rest", _EACH),
    (
        "margins",
        (Loss(name="categorical_hinge", parameters={}, formula=_class_hinge, probabilistic=False),),
    ),
    (
        "independent",
        (
            *_EACH,
            Loss(name="asymmetric", parameters=_ASYMMETRIC, formula=_asymmetric, probabilistic=False),
        ),
    ),
    (
        "standardised",
        (
            Loss(name="mse", parameters={}, formula=_squared, probabilistic=False),
            Loss(name="mae", parameters={}, formula=_absolute, probabilistic=False),
            Loss(name="huber", parameters={"huber_delta": 1.0}, formula=_huber, probabilistic=False),
        ),
    ),
)
_OF: Mapping[Columns, Mapping[str, Loss]] = {
    columns: {loss.name: loss for loss in losses} for columns, losses in _GROUPS
}


def losses_of(columns: Columns) -> Mapping[str, Loss]:
    """Returns the losses that columns of a kind may be trained on, by name."""
    return _OF[columns]
