"""The proof of the decode: no trial gets a row before its scores are shown to be what was trained."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.model import LOGITS
from spaces.errors import TrialError
from spaces.heads import Head
from spaces.losses import LOSSES

TOLERANCE = 1e-4
"""Largest relative difference between the trained loss and the loss of the raw scores."""
PROBED_ROWS = 64
"""Rows on which the last layer is recomputed."""


def prove(
    model: Any,
    head: Head,
    loss: str,
    parameters: dict[str, float],
    x: NDArray[np.generic],
    y: NDArray[np.int8],
    raw: NDArray[np.float32],
    batch_size: int = 512,
) -> float:
    """Holds the compiled model against the raw scores that stand for it.

    Three things must agree: the model's output is its last layer's plain linear logits; `evaluate()`,
    unweighted, without regularisation and in inference mode, equals a numpy loss computed from the raw
    scores alone; and the scores are finite and tell rows apart.

    Args:
        model: the compiled model, with the weights the scores are claimed to come from.
        head: the head whose decode made the scores.
        loss: name of the loss, with its `parameters`.
        x: inputs `(n, ...)`.
        y: labels `(n,)` in {0, 1}.
        raw: the raw scores `(n,)` to be proven.

    Returns:
        The relative difference of the two losses.

    Raises:
        TrialError: one of the three does not hold.
    """
    if not np.isfinite(raw).all():
        raise TrialError(f"scores must be finite, but {np.sum(~np.isfinite(raw))} of {len(raw)} are not")
    if np.ptp(raw) == 0:
        raise TrialError(f"scores must tell rows apart, but all {len(raw)} are {raw[0]:g}")
    _prove_linear_output(model, head, x[:PROBED_ROWS], raw[:PROBED_ROWS])
    trained = float(model.evaluate(x, head.encode(y), batch_size=batch_size, verbose=0))
    trained -= float(sum(keras.ops.convert_to_numpy(extra) for extra in model.losses))
    expected = float(LOSSES[loss].per_row(y, raw, **parameters).mean())
    # Below 1e-6 a float32 mean has no digits left to compare.
    difference = abs(trained - expected) / max(abs(expected), 1e-6)
    if not difference <= TOLERANCE:
        raise TrialError(
            f"the decode does not speak of the model that was trained: "
            f"evaluate() gives {loss} {trained:.6g}, the scores of head {head.name} give {expected:.6g}"
        )
    return difference


def _prove_linear_output(model: Any, head: Head, x: NDArray[np.generic], raw: NDArray[np.float32]) -> None:
    """Recomputes the logits as features @ kernel + bias: an activation put on top would show here."""
    layer = model.get_layer(LOGITS)
    features = keras.ops.convert_to_numpy(keras.Model(model.input, layer.input)(x, training=False))
    kernel, bias = layer.get_weights()
    logits = features.astype(np.float64) @ kernel + bias
    expected = head.decode(logits)
    scale = 1 + np.abs(features).astype(np.float64) @ np.abs(kernel).max(axis=1) + np.abs(bias).max()
    worst = float(np.max(np.abs(raw - expected) / scale))
    if not worst <= TOLERANCE:
        raise TrialError(
            f"the network must end in plain linear logits decoded once, but recomputed from its last layer "
            f"the scores differ by {float(np.max(np.abs(raw - expected))):.3g}"
        )
