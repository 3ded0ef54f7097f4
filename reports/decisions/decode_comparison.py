"""What the outputs of a model are worth under its own decode, and under the usual wrong ones, in words."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spaces.trained_heads import Decoding

F32 = NDArray[np.float32]
Decided = NDArray[np.bool_]
Y = NDArray[np.int8]
_HOW = {
    "sigmoid": "its logit at 0, a probability of 0.5",
    "softmax": "the difference of its logits at 0, a probability of 0.5",
    "two_sigmoids": "half the difference of its logits at 0",
    "margin": "its score at {}",
}
_BELOW = {"softmax_1": "the logit below the softmax at 0", "tanh": "what is below the tanh at 0"}


def own(decoding: Decoding, raw: F32, y: Y) -> list[str]:
    """Says what the model's own decision is worth, before any threshold is chosen.

    Args:
        decoding: the model's.
        raw: raw scores `(n,)`.
        y: labels `(n,)`.
    """
    if decoding.center is not None:
        how = _BELOW.get(decoding.written or "", _HOW[decoding.head or "margin"])
        how = how.format(f"{decoding.center:g}")
        return [f"decoded by {how}: {_worth(raw >= np.float32(decoding.center), y)}"]
    if decoding.written == "linear":
        return [
            f"at 0, where a logit or a margin has its middle: {_worth(raw >= 0, y)}",
            f"at 0.5, where a regression of 0 and 1 has its middle: {_worth(raw >= np.float32(0.5), y)}",
        ]
    return []


def wrong(decoding: Decoding, outputs: F32, raw: F32, y: Y) -> list[str]:
    """Says what the usual wrong decodes make of the same outputs.

    Args:
        decoding: the model's.
        outputs: what `predict()` gives, `(n, units)`.
        raw: raw scores `(n,)`, rightly decoded.
        y: labels `(n,)`.

    Returns:
        A sentence for each decode that decides a row in another way than the model's own.
    """
    right = None if decoding.center is None else raw >= np.float32(decoding.center)
    told = []
    for what, decided in _usual(decoding, outputs):
        if right is None or not np.array_equal(decided, right):
            told.append(f"{what}{_constant(decided)}: {_worth(decided, y)}")
    if outputs.shape[1] == 2 and decoding.written in ("softmax", "sigmoid_2", "two_sigmoids"):
        told.append(_over_both_columns(outputs, y))
    return told


def _usual(decoding: Decoding, outputs: F32) -> Iterator[tuple[str, Decided]]:
    first = outputs[:, 0]
    if outputs.shape[1] == 1:
        yield "argmax over one column", np.zeros(len(first), dtype=bool)
        if decoding.written == "sigmoid":
            yield "a sigmoid of predict() once more, at 0.5", first >= 0
        elif decoding.written in ("softmax_1", "tanh") or decoding.center == 0:
            yield "predict() at 0.5, where Keras' accuracy cuts it", first > np.float32(0.5)
        elif decoding.center is not None:
            yield "predict() at 0, as if it were a logit", first >= 0
        return
    middle = np.float32(0.5 if decoding.written in ("softmax", "sigmoid_2", "two_sigmoids") else 0)
    yield "column 0 taken for the positive class", first >= middle
    yield f"column 1 alone at {middle:g}", outputs[:, 1] >= middle


def _constant(decided: Decided) -> str:
    if decided.any() and not decided.all():
        return ""
    return f", which calls every row {'positive' if decided.all() else 'negative'}"


def _worth(decided: Decided, y: Y) -> str:
    positive = y == 1
    return (
        f"accuracy {np.mean(decided == positive):.3f}, sensitivity {np.mean(decided[positive]):.3f}, "
        f"specificity {np.mean(~decided[~positive]):.3f}"
    )


def _over_both_columns(outputs: F32, y: Y) -> str:
    """Keras' `Precision` and `Recall` count both columns alike, at a strict 0.5."""
    said = outputs > np.float32(0.5)
    true = np.stack([y == 0, y == 1], axis=1)
    hits = np.count_nonzero(said & true)
    precision = f"{hits / np.count_nonzero(said):.3f}" if said.any() else "undefined"
    return (
        f"Keras' Precision and Recall, which count both columns alike: {precision} and {hits / len(y):.3f}, "
        "which are not the positive class's"
    )
