"""The Keras losses, all computed from logits.

Of columns that each answer for themselves the loss is the mean, as it is in Keras.
Written from targets and logits, and so apart from the formulas of the raw score in `spaces.losses`;
the proof of the decode holds one against the other in every trial. Keras' own cross-entropies are not
used: on TensorFlow they may silently read other logits than the ones they are given.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from spaces.heads import Head

PARAMETERS = ("label_smoothing", "focal_gamma", "focal_alpha")
"""Every parameter of a loss, in the order of `loss_columns`."""

Formula = Callable[[Any, Any, Mapping[str, float]], Any]


def training_loss(head: Head, loss: str, parameters: Mapping[str, float]) -> Callable[[Any, Any], Any]:
    """Returns a Keras loss: targets and logits, both `(batch, head.logits)` -> loss `(batch,)`."""
    formula = _FORMULAS[head.exclusive, loss]

    def compute(targets: Any, logits: Any) -> Any:
        return formula(ops.cast(targets, "float32"), ops.cast(logits, "float32"), parameters)

    return compute


def loss_columns(head: Head, loss: str, parameters: Mapping[str, float]) -> NDArray[np.float32]:
    """Returns the number of a loss and its parameters as `shared_loss` reads them, `(k,)`."""
    named = [parameters.get(name, 0.0) for name in PARAMETERS]
    return np.asarray([_of_logits(head.logits).index((head.exclusive, loss)), *named], np.float32)


def beside(targets: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns targets `(n, logits)` with the same columns `(k,)` beside each row, `(n, logits + k)`.

    So which loss it is, and its parameters, come with the rows: a network that is compiled once serves every
    loss of its logits.
    """
    return np.concatenate([targets, np.broadcast_to(columns, (len(targets), columns.size))], axis=1)


def shared_loss(logits: int) -> Callable[[Any, Any], Any]:
    """Returns a Keras loss of targets with `loss_columns` beside them; its value is that of `training_loss`.

    Args:
        logits: how many there are; two heads of as many share it.
    """
    formulas = [_FORMULAS[pair] for pair in _of_logits(logits)]

    def compute(targets: Any, scores: Any) -> Any:
        targets, scores = ops.cast(targets, "float32"), ops.cast(scores, "float32")
        given = {name: targets[:1, logits + 1 + k] for k, name in enumerate(PARAMETERS)}
        # All are computed, which costs next to nothing: TensorFlow's XLA ends the process at a branch.
        each = ops.stack([formula(targets[:, :logits], scores, given) for formula in formulas])
        return ops.take(each, ops.cast(targets[0, logits], "int32"), axis=0)

    return compute


def _of_logits(count: int) -> list[tuple[bool, str]]:
    """The losses of so many logits, by their keys in `_FORMULAS`: one column shares nothing."""
    return [pair for pair in _FORMULAS if count > 1 or not pair[0]]


def _smoothed(targets: Any, parameters: Mapping[str, float]) -> Any:
    smoothing = parameters.get("label_smoothing", 0.0)
    return targets * (1 - smoothing) + smoothing / 2


def _bce(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    # A softplus per class keeps its digits where the network is sure: softplus(z) - y z cancels there,
    # and the proof of the decode would fail a network for being right. So would 1 - smoothed, where the
    # smoothing is slight.
    positive, negative = _smoothed(targets, parameters), _smoothed(1 - targets, parameters)
    return ops.mean(positive * ops.softplus(-logits) + negative * ops.softplus(logits), axis=-1)


def _log_softmax(logits: Any) -> Any:
    # Of two columns: log p_k = -softplus(z_other - z_k), which keeps the digits of a p_k next to 1.
    return -ops.softplus(ops.flip(logits, axis=-1) - logits)


def _cce(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return -ops.sum(_smoothed(targets, parameters) * _log_softmax(logits), axis=-1)


def _focal_weights(targets: Any, parameters: Mapping[str, float]) -> Any:
    # Alpha weighs the rows of the positive class, whose target is the last column, in every column alike.
    alpha, positive = parameters["focal_alpha"], targets[:, -1]
    return positive * alpha + (1 - positive) * (1 - alpha)


def _focal_of_each(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    # Lin et al. 2017, equation 5; log p_t and log(1 - p_t) from the logit, so that nothing is clipped.
    signed = (2 * targets - 1) * logits
    loss = ops.exp(-parameters["focal_gamma"] * ops.softplus(signed)) * ops.softplus(-signed)
    return _focal_weights(targets, parameters) * ops.mean(loss, axis=-1)


def _focal_shared(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    log_p = _log_softmax(logits)
    log_p_true = ops.sum(targets * log_p, axis=-1)
    log_p_other = ops.sum((1 - targets) * log_p, axis=-1)
    loss = -ops.exp(parameters["focal_gamma"] * log_p_other) * log_p_true
    return _focal_weights(targets, parameters) * loss


def _brier_of_each(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    # The probability of the other class, squared: sigmoid(z) - 1 has no digits where the network is sure.
    return ops.mean(ops.square(ops.sigmoid((1 - 2 * targets) * logits)), axis=-1)


def _brier_shared(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return ops.square(ops.sum((1 - targets) * ops.softmax(logits, axis=-1), axis=-1))


def _hinge(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return ops.mean(ops.relu(1 - (2 * targets - 1) * logits), axis=-1)


def _squared_hinge(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return ops.mean(ops.square(ops.relu(1 - (2 * targets - 1) * logits)), axis=-1)


_FORMULAS: Mapping[tuple[bool, str], Formula] = {
    (False, "bce"): _bce,
    (False, "focal"): _focal_of_each,
    (False, "brier"): _brier_of_each,
    (False, "hinge"): _hinge,
    (False, "squared_hinge"): _squared_hinge,
    (True, "cce"): _cce,
    (True, "focal"): _focal_shared,
    (True, "brier"): _brier_shared,
}
"""By whether the columns are exclusive, and the name of the loss."""
