"""Labelled rows in memory: what every data source returns, checked once, here."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spaces.data import Label
from spaces.errors import RunError

Kind = Literal["eeg", "image", "table"]

BLOCK_BYTES = 64 * 2**20
"""Rows are walked in blocks of about this size, so that a mapped array is never copied whole."""


@dataclass(frozen=True)
class Labels:
    """The two label values as they stand in the user's data; `predict` writes these back."""

    negative: Label
    positive: Label


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of one data set.

    Args:
        x: inputs `(n, ...)`, float32 or uint8, finite.
        y: `(n,)` int8, 1 is positive; both classes present.
        labels: the original values behind 0 and 1.
        groups: `(n,)` text, the patient (where known) or file of each row; None is unknown.
        recordings: `(n,)` text, the continuous recording each row was cut from; None is unknown.
        times: `(n,)` float64, start of each row in its recording, in seconds; None is unknown.
        kind: what the rows are, for the choice of a trunk.
        window_s: seconds that each row covers from its time on; None is unknown.
        channels: names of the entries of the last axis, in order; None is unknown.

    Raises:
        RunError: a shape, a type or a value is not as above.
    """

    x: NDArray[Any]
    y: NDArray[np.int8]
    labels: Labels
    groups: NDArray[np.str_] | None = None
    recordings: NDArray[np.str_] | None = None
    times: NDArray[np.float64] | None = None
    kind: Kind = "table"
    window_s: float | None = None
    channels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.x.ndim < 2:
            raise RunError(f"inputs must have at least two axes, (rows, ...), but got shape {self.x.shape}")
        if self.x.size == 0:
            raise RunError(f"inputs must hold at least one value, but got shape {self.x.shape}")
        if self.x.dtype not in (np.float32, np.uint8):
            raise RunError(f"inputs must be float32 or uint8, but got {self.x.dtype}")
        n = len(self.x)
        if self.y.shape != (n,) or self.y.dtype != np.int8:
            raise RunError(f"labels must be int8 of shape ({n},), but got {self.y.dtype} of {self.y.shape}")
        _check_classes(self.y)
        for name, values in (("groups", self.groups), ("recordings", self.recordings)):
            if values is not None and (values.shape != (n,) or values.dtype.kind != "U"):
                raise RunError(
                    f"{name} must be text of shape ({n},), but got {values.dtype} of {values.shape}"
                )
        if self.times is not None:
            if self.times.shape != (n,) or self.times.dtype != np.float64:
                raise RunError(
                    f"times must be float64 of shape ({n},), but got {self.times.dtype} of {self.times.shape}"
                )
            bad = np.flatnonzero(~np.isfinite(self.times))
            if bad.size:
                raise RunError(
                    f"times must be finite, but {bad.size} of {n} are not, the first in row {bad[0]}"
                )
        if self.window_s is not None and not self.window_s > 0:
            raise RunError(f"window_s must be above 0, but got {self.window_s}")
        if self.channels is not None and len(self.channels) != self.x.shape[-1]:
            raise RunError(f"{len(self.channels)} channels are named, but inputs have {self.x.shape[-1]}")
        check_finite(self.x)

    def __len__(self) -> int:
        return len(self.x)


def check_finite(x: NDArray[Any]) -> None:
    """Refuses inputs `(n, ...)` that hold NaN or infinity.

    Raises:
        RunError: naming how many rows are not finite, and the first of them.
    """
    if x.dtype.kind != "f":
        return
    bad = np.concatenate([_unfinite_rows(x[part]) + part.start for part in blocks(x)])
    if bad.size:
        raise RunError(
            f"inputs must be finite, but {bad.size} of {len(x)} rows hold NaN or infinity, "
            f"the first is row {bad[0]}; fill or drop them before saving"
        )


def digest(rows: Rows) -> str:
    """The sha256 of all contents of `rows`, with types and shapes, as 64 hexadecimal digits."""
    total = hashlib.sha256()
    head = {
        "x": [rows.x.dtype.str, list(rows.x.shape)],
        "labels": [[type(v).__name__, repr(v)] for v in (rows.labels.negative, rows.labels.positive)],
        "kind": rows.kind,
        "window_s": rows.window_s,
        "channels": rows.channels,
        # As lists: the width of a numpy text type depends on the longest name, the contents do not.
        "groups": None if rows.groups is None else rows.groups.tolist(),
        "recordings": None if rows.recordings is None else rows.recordings.tolist(),
        "times": rows.times is not None,
    }
    total.update(json.dumps(head, sort_keys=True).encode())
    for part in blocks(rows.x):
        total.update(np.ascontiguousarray(rows.x[part]).tobytes())
    total.update(rows.y.tobytes())
    if rows.times is not None:
        total.update(rows.times.tobytes())
    return total.hexdigest()


def blocks(x: NDArray[Any], block_bytes: int = BLOCK_BYTES) -> list[slice]:
    """Slices along the first axis of `x` that together cover it, each of about `block_bytes`."""
    step = max(1, block_bytes // max(1, x[:1].nbytes))
    return [slice(start, min(start + step, len(x))) for start in range(0, len(x), step)]


def _unfinite_rows(x: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the rows of `x` that hold NaN or infinity."""
    return np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))


def _check_classes(y: NDArray[np.int8]) -> None:
    positives = int(np.count_nonzero(y == 1))
    negatives = int(np.count_nonzero(y == 0))
    if positives + negatives < len(y):
        seen = sorted(set(np.unique(y).tolist()) - {0, 1})
        raise RunError(f"encoded labels must be 0 or 1, but got {seen}")
    if not positives or not negatives:
        raise RunError(
            f"both classes must be present, but got {positives} positive and {negatives} negative rows"
        )
