"""What labels that are at hand are: their encoding, values and shape."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.model_facts import Encoding, LabelFacts, Place
from audit.names import SQUARED


def labels_of(y: NDArray[Any], loss: str | None, name: str) -> LabelFacts:
    """Returns the facts of labels `(n,)` or `(n, k)`.

    Args:
        y: numbers or words.
        loss: what the model is trained on; whole numbers under a loss of numbers are targets, if not two.
        name: of their array.
    """
    rank, columns = y.ndim, y.shape[1] if y.ndim == 2 else None
    place = Place(code=f"labels {name} {y.shape}")
    if y.dtype.kind not in "biuf":
        return LabelFacts(
            encoding="text", classes=len(np.unique(y)), rank=rank, columns=columns, place=place, seen=name
        )
    values = np.unique(y)
    known = values[np.isfinite(values)]
    if not len(known) or y.ndim > 2:
        return LabelFacts(rank=rank, columns=columns, place=place, seen=name)
    encoding = _encoding(y, known, loss)
    classes = columns if columns is not None and columns > 1 else len(known)
    return LabelFacts(
        encoding=encoding,
        classes=None if encoding == "real" else classes,
        rank=rank,
        columns=columns,
        low=float(known[0]),
        high=float(known[-1]),
        place=place,
        seen=name,
    )


def _encoding(y: NDArray[Any], values: NDArray[Any], loss: str | None) -> Encoding:
    of_bits = set(values.tolist()) <= {0, 1}
    if y.ndim == 2 and y.shape[1] > 1:
        if not of_bits:
            return "real"
        return "one_hot" if (y.sum(axis=1) == 1).all() else "multi_hot"
    if set(values.tolist()) == {-1, 1}:
        return "signed"
    whole = bool((values == np.rint(values)).all() and values[0] >= 0)
    return "integers" if whole and (len(values) <= 2 or loss not in SQUARED) else "real"
