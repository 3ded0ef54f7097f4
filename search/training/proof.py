"""Proves a trial's decode: its scores must explain the loss that Keras evaluates."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.data.shards import Inputs
from search.networks.losses import beside
from search.networks.model import LOGITS
from search.record import PROOF_TOLERANCE
from search.training.feeding import InOrder, fed, predict
from spaces.errors import TrialError
from spaces.heads import Head

PROBED_ROWS = 64
"""First rows on which the last layer is recomputed."""
PROVEN_ROWS = 1024
"""Rows on which the losses are compared; of more, so many are drawn, the last ones among them. What makes a
decode wrong makes it wrong on every row, and scores of other weights differ on every row, too."""
SHOWN = 3
"""Scores of a row that a message lists."""
SPREAD_ROWS = 16
"""Rows of each part on which features are recomputed."""


def prove(
    model: Any,
    columns: NDArray[np.float32],
    head: Head,
    loss: str,
    parameters: dict[str, float],
    x: Inputs,
    y: NDArray[Any],
    raw: NDArray[np.float32],
    logits: NDArray[np.float32] | None = None,
    whole: tuple[Any, Inputs] | None = None,
    draw: tuple[int, ...] = (),
) -> float:
    """Checks the compiled model against the raw scores that are its result.

    Four things must agree: the scores are finite and tell rows apart; the model's output is its last layer's
    plain linear logits; every score is the mean of its head's votes; and `evaluate()`, unweighted, without
    regularisation and in inference mode, equals a numpy loss of the votes around that score. Where a head has
    one vote, this is the loss of the raw score alone.

    Args:
        model: the compiled model, with the weights the scores are claimed to come from.
        columns: what stood beside its targets in training, see `search.networks.losses.loss_columns`.
        head: the head whose decode made the scores.
        loss: name of the loss, with its `parameters`.
        x: inputs `(n, ...)`; read batch by batch, never whole.
        y: labels `(n, ...)` of the head's task.
        raw: the raw scores `(n, ...)` to be proven.
        logits: the logits `(n, head.logits)` that the scores were decoded from; predicted here if left out.
        whole: the network that the model is the upper part of, with the network's own inputs `(n, ...)`;
            given where `x` is features.
        draw: seeds the draw of the rows whose losses are compared, so that trials differ in them.

    Returns:
        The relative difference of the two losses.

    Raises:
        TrialError: one of the four does not hold.
    """
    prove_told_apart(raw)
    network, inputs = (model, x) if whole is None else whole
    layer = network.get_layer(LOGITS)
    probe = keras.Model(network.input, layer.input)
    features = keras.ops.convert_to_numpy(probe(inputs[:PROBED_ROWS], training=False))
    kernel, bias = layer.get_weights()
    prove_linear_output(head, features, kernel, bias, raw[:PROBED_ROWS])
    if logits is None:
        logits = predict(model, x)
    around_raw = prove_mean_of_votes(head, logits, raw)
    rows = drawn_rows(len(y), draw)
    trained = float(model.evaluate(fed(InOrder(x, beside(head.encode(y), columns), rows)), verbose=0))
    trained -= float(sum(keras.ops.convert_to_numpy(extra) for extra in model.losses))
    return prove_loss(trained, head, loss, parameters, y[rows], around_raw[rows])


def prove_told_apart(raw: NDArray[np.float32]) -> None:
    """Shows that scores `(n, ...)` are finite and tell rows apart.

    Raises:
        TrialError: they are not, or do not.
    """
    finite = np.isfinite(raw).reshape(len(raw), -1).all(axis=1)
    if not finite.all():
        raise TrialError(f"scores must be finite, but {np.sum(~finite)} of {len(raw)} are not")
    if (raw == raw[0]).all():
        same = ", ".join(f"{score:g}" for score in np.atleast_1d(raw[0])[:SHOWN])
        raise TrialError(
            f"scores must tell rows apart, but all {len(raw)} are {same}: nothing is learnt yet; "
            "try more epochs, more data, or another learning rate"
        )


def prove_loss(
    trained: float,
    head: Head,
    loss: str,
    parameters: dict[str, float],
    y: NDArray[Any],
    around_raw: NDArray[np.float64],
) -> float:
    """Compares the loss that a network has been trained on with that of its scores.

    Args:
        trained: the network's mean loss of some rows.
        head: the head whose decode made the scores.
        loss: name of the loss, with its `parameters`.
        y: labels of the rows `(m, ...)`.
        around_raw: their votes around the raw score `(m, k, ...)`.

    Returns:
        The relative difference.

    Raises:
        TrialError: it is too large.
    """
    truth, told = head.compared(y, around_raw)
    expected = float(head.loss(loss).per_row(truth, told, **parameters).mean())
    # Below 1e-6 a float32 mean has no digits left to compare.
    difference = abs(trained - expected) / max(abs(expected), 1e-6)
    if not difference <= PROOF_TOLERANCE:
        raise TrialError(
            f"the decode does not speak of the model that was trained: "
            f"evaluate() gives {loss} {trained:.6g}, the scores of head {head.name} give {expected:.6g}"
        )
    return difference


def prove_features(
    network: Any, layer: str, above: Any, parts: Sequence[tuple[Inputs, Inputs]], rows: int = SPREAD_ROWS
) -> None:
    """Checks features that were computed beforehand against those that the network computes from the rows.

    On some rows of each part, spread over it: the layer gives the same features, and the whole network the
    same logits as the layers above give on the features.

    Args:
        network: the whole network, from rows to logits.
        layer: the name of its layer that gives the features.
        above: its part from features to logits.
        parts: rows `(n, ...)` with their features `(n, units)`.
        rows: how many of each part.

    Raises:
        TrialError: they differ.
    """
    both = keras.Model(network.input, [network.get_layer(layer).output, network.output])
    for x, features in parts:
        taken = np.unique(np.linspace(0, len(x) - 1, rows).astype(np.int64))
        known = features[taken]
        own = [keras.ops.convert_to_numpy(output) for output in both(x[taken], training=False)]
        given = [known, keras.ops.convert_to_numpy(above(known, training=False))]
        for what, least, ours, theirs in zip(("features", "logits"), (0.0, 1.0), own, given, strict=True):
            scale = least + float(np.abs(ours).max())
            apart = float(np.abs(ours - theirs).max())
            if not apart <= PROOF_TOLERANCE * scale:
                raise TrialError(
                    "features computed beforehand must be what the network makes of the rows, but their "
                    f"{what} differ by {apart:.3g} of {scale:.3g}; delete the prepared features, or set "
                    "training.feature_cache=false"
                )


def drawn_rows(count: int, draw: tuple[int, ...]) -> NDArray[np.intp]:
    """Returns the numbers of the rows whose losses are compared, ascending."""
    if count <= PROVEN_ROWS:
        return np.arange(count)
    last = np.arange(count - PROBED_ROWS, count)
    others = np.random.default_rng(draw).choice(last[0], PROVEN_ROWS - PROBED_ROWS, replace=False)
    return np.concatenate([np.sort(others), last])


def prove_mean_of_votes(
    head: Head, logits: NDArray[np.float32], raw: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Shows that each raw score `(n, ...)` is the mean of its votes; returns these around it, `(n, k, ...)`.

    Raises:
        TrialError: a score does not follow from its logits.
    """
    votes = head.votes(logits).astype(np.float64)
    mean, rows = votes.mean(axis=1), len(raw)
    largest = np.abs(votes).reshape(rows, -1).max(axis=1)
    apart = np.abs(raw - mean).reshape(rows, -1) / (1 + largest)[:, None]
    worst, column = np.unravel_index(np.argmax(apart), apart.shape)
    if not apart[worst, column] <= PROOF_TOLERANCE:
        said, scored = (float(values.reshape(rows, -1)[worst, column]) for values in (mean, raw))
        raise TrialError(
            f"the decode does not speak of the model that was trained: "
            f"the logits of row {worst} say {said:.6g}, but head {head.name} scores {scored:.6g}"
        )
    around: NDArray[np.float64] = votes - mean[:, None] + raw[:, None]
    return around


def prove_linear_output(
    head: Head,
    features: NDArray[Any],
    kernel: NDArray[Any],
    bias: NDArray[Any],
    raw: NDArray[np.float32],
) -> None:
    """Recomputes the logits as features @ kernel + bias: an activation put on top would show here.

    Args:
        head: decodes them.
        features: what the last layer gets of some rows, `(m, d)`.
        kernel, bias: of the last layer.
        raw: the raw scores of these rows, `(m,)`.

    Raises:
        TrialError: the scores are others.
    """
    logits = features.astype(np.float64) @ kernel + bias
    expected = head.decode(logits)
    scale = 1 + np.abs(features).astype(np.float64) @ np.abs(kernel).max(axis=1) + np.abs(bias).max()
    # Scores of a number are in its units, and the network's in standard deviations.
    apart = np.abs(raw - expected).reshape(len(raw), -1) / head.task.scale
    worst = float(np.max(apart / scale[:, None]))
    if not worst <= PROOF_TOLERANCE:
        raise TrialError(
            f"the network must end in plain linear logits decoded once, but recomputed from its last layer "
            f"the scores differ by {float(np.max(apart)):.3g}"
        )
