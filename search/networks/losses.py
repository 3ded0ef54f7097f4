"""The Keras losses, all computed from logits.

Of columns that each answer for themselves the loss is the mean, as it is in Keras;
of K labels each has its own.
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
from spaces.losses import Columns
from spaces.tasks import TaskName

Formula = Callable[[Any, Any, Mapping[str, float]], Any]

_BINARY = ("label_smoothing", "focal_gamma", "focal_alpha")
PARAMETERS: Mapping[TaskName, tuple[str, ...]] = {
    "binary": _BINARY,
    "classes": _BINARY,
    "labels": (*_BINARY, "asymmetric_gamma_positive", "asymmetric_gamma_negative", "asymmetric_shift"),
    "number": ("huber_delta",),
}
"""Every parameter of a task's losses, in the order of `loss_columns`."""
_COLUMNS: Mapping[TaskName, tuple[Columns, ...]] = {
    "binary": ("each", "shared"),
    "classes": ("exclusive", "one_vs_rest", "margins"),
    "labels": ("independent",),
    "number": ("standardised",),
}


def training_loss(head: Head, loss: str, parameters: Mapping[str, float]) -> Callable[[Any, Any], Any]:
    """Returns a Keras loss: targets and logits, both `(batch, head.logits)` -> loss `(batch,)`.

    Of independent labels it is `(batch, head.logits)`, so that each label of each row may weigh its own.
    """
    formula = _FORMULAS[head.columns, loss]

    def compute(targets: Any, logits: Any) -> Any:
        return formula(ops.cast(targets, "float32"), ops.cast(logits, "float32"), parameters)

    return compute


def loss_columns(head: Head, loss: str, parameters: Mapping[str, float]) -> NDArray[np.float32]:
    """Returns the number of a loss and its parameters as `shared_loss` reads them, `(k,)`."""
    task = head.task.name
    named = [parameters.get(name, 0.0) for name in PARAMETERS[task]]
    return np.asarray([_of_logits(head.logits, task).index((head.columns, loss)), *named], np.float32)


def beside(targets: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns targets `(n, logits)` with the same columns `(k,)` beside each row, `(n, logits + k)`.

    So which loss it is, and its parameters, come with the rows: a network that is compiled once serves every
    loss of its logits.
    """
    return np.concatenate([targets, np.broadcast_to(columns, (len(targets), columns.size))], axis=1)


def shared_loss(logits: int, task: TaskName = "binary") -> Callable[[Any, Any], Any]:
    """Returns a Keras loss of targets with `loss_columns` beside them; its value is that of `training_loss`.

    Args:
        logits: how many there are; all heads of a task with as many share it.
        task: the kind of task.
    """
    formulas = [_FORMULAS[pair] for pair in _of_logits(logits, task)]

    def compute(targets: Any, scores: Any) -> Any:
        targets, scores = ops.cast(targets, "float32"), ops.cast(scores, "float32")
        given = {name: targets[:1, logits + 1 + k] for k, name in enumerate(PARAMETERS[task])}
        # All are computed, which costs next to nothing: TensorFlow's XLA ends the process at a branch.
        each = ops.stack([formula(targets[:, :logits], scores, given) for formula in formulas])
        return ops.take(each, ops.cast(targets[0, logits], "int32"), axis=0)

    return compute


def _of_logits(count: int, task: TaskName) -> list[tuple[Columns, str]]:
    """The losses of so many logits, by their keys in `_FORMULAS`: one column shares nothing."""
    taken = {columns for columns in _COLUMNS[task] if count > 1 or columns != "shared"}
    return [pair for pair in _FORMULAS if pair[0] in taken]


def _smoothed(targets: Any, parameters: Mapping[str, float]) -> Any:
    smoothing = parameters.get("label_smoothing", 0.0)
    return targets * (1 - smoothing) + smoothing / 2


def _entropies(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    # A softplus per class keeps its digits where the network is sure: softplus(z) - y z cancels there,
    # and the proof of the decode would fail a network for being right. So would 1 - smoothed, where the
    # smoothing is slight.
    positive, negative = _smoothed(targets, parameters), _smoothed(1 - targets, parameters)
    return positive * ops.softplus(-logits) + negative * ops.softplus(logits)


def _bce(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return ops.mean(_entropies(targets, logits, parameters), axis=-1)


def _log_softmax(logits: Any) -> Any:
    if logits.shape[-1] == 2:
        # log p_k = -softplus(z_other - z_k), which keeps the digits of a p_k next to 1.
        return -ops.softplus(ops.flip(logits, axis=-1) - logits)
    # Of more, the largest is left out of the sum, which then keeps its digits, too.
    top = ops.one_hot(ops.argmax(logits, axis=-1), logits.shape[-1], dtype="float32")
    below = logits - ops.sum(top * logits, axis=-1, keepdims=True)
    return below - ops.log1p(ops.sum((1 - top) * ops.exp(below), axis=-1, keepdims=True))


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


def _class_entropy(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    smoothing = parameters.get("label_smoothing", 0.0)
    smoothed = targets * (1 - smoothing) + smoothing / logits.shape[-1]
    return -ops.sum(smoothed * _log_softmax(logits), axis=-1)


def _of_others(targets: Any, values: Any) -> Any:
    """The values of the classes that a row is not; minus infinity at its own."""
    return ops.where(targets > 0.5, -np.inf, values)


def _class_focal(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    log_p = _log_softmax(logits)
    log_other = ops.logsumexp(_of_others(targets, log_p), axis=-1)
    return -ops.exp(parameters["focal_gamma"] * log_other) * ops.sum(targets * log_p, axis=-1)


def _class_brier(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    others = (1 - targets) * ops.softmax(logits, axis=-1)
    return (ops.sum(ops.square(others), axis=-1) + ops.square(ops.sum(others, axis=-1))) / 2


def _class_hinge(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return ops.relu(1 + ops.max(_of_others(targets, logits), axis=-1) - ops.sum(targets * logits, axis=-1))


def _focals(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    signed = (2 * targets - 1) * logits
    alpha = targets * parameters["focal_alpha"] + (1 - targets) * (1 - parameters["focal_alpha"])
    return alpha * ops.exp(-parameters["focal_gamma"] * ops.softplus(signed)) * ops.softplus(-signed)


def _focal_of_columns(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return ops.mean(_focals(targets, logits, parameters), axis=-1)


def _asymmetric(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    positive = ops.exp(-parameters["asymmetric_gamma_positive"] * ops.softplus(logits))
    over = ops.sigmoid(logits) - parameters["asymmetric_shift"]
    # Neither a power of 0 nor log(0) has a finite gradient; the shift of another loss's rows is 0.
    shifted = ops.minimum(ops.where(over > 0, over, 0.5), 0.9995)
    negative = -ops.power(shifted, parameters["asymmetric_gamma_negative"]) * ops.log1p(-shifted)
    negative = ops.where(over > 0, negative, 0.0)
    return targets * positive * ops.softplus(-logits) + (1 - targets) * negative


def _off(targets: Any, logits: Any) -> Any:
    return ops.abs(logits - targets)[:, 0]


def _squared(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return ops.square(logits - targets)[:, 0]


def _absolute(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    return _off(targets, logits)


def _huber(targets: Any, logits: Any, parameters: Mapping[str, float]) -> Any:
    off, delta = _off(targets, logits), parameters["huber_delta"]
    return ops.where(off <= delta, ops.square(off) / 2, delta * off - delta * delta / 2)


_FORMULAS: Mapping[tuple[Columns, str], Formula] = {
    ("each", "bce"): _bce,
    ("each", "focal"): _focal_of_each,
    ("each", "brier"): _brier_of_each,
    ("each", "hinge"): _hinge,
    ("each", "squared_hinge"): _squared_hinge,
    ("shared", "cce"): _cce,
    ("shared", "focal"): _focal_shared,
    ("shared", "brier"): _brier_shared,
    ("exclusive", "cce"): _class_entropy,
    ("exclusive", "focal"): _class_focal,
    ("exclusive", "brier"): _class_brier,
    ("one_vs_rest", "bce"): _bce,
    ("one_vs_rest", "focal"): _focal_of_columns,
    ("margins", "categorical_hinge"): _class_hinge,
    ("independent", "bce"): _entropies,
    ("independent", "focal"): _focals,
    ("independent", "asymmetric"): _asymmetric,
    ("standardised", "mse"): _squared,
    ("standardised", "mae"): _absolute,
    ("standardised", "huber"): _huber,
}
"""By what the columns are to each other, and the name of the loss."""
