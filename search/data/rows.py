"""Labelled rows, which every data source returns and which are checked here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.data.photos import Photos
from search.data.shards import Inputs
from search.data.task_labels import Classes, LabelNames, Quantity, Strata
from spaces.base import Label
from spaces.errors import RunError
from spaces.study import Events
from spaces.tasks import BINARY, Task

Kind = Literal["eeg", "image", "table"]

PARTS = ("train", "validation", "test")
"""The parts of a split."""

BLOCK_BYTES = 64 * 2**20
"""Rows are walked in blocks of about this size, so that a mapped array is never copied whole."""

READ_BYTES = 16 * 2**20
"""A worker scores rows in blocks of about this size: Keras copies what it is given once more."""


@dataclass(frozen=True)
class Labels:
    """The two label values as they stand in the user's data; `predict` writes these back."""

    negative: Label
    positive: Label

    @property
    def task(self) -> Task:
        """What is asked."""
        return BINARY

    @property
    def answers(self) -> tuple[Label, ...]:
        """Nothing: of two values there is one score."""
        return ()

    def check(self, y: NDArray[Any], n: int) -> None:
        """Refuses what are no labels of two values.

        Raises:
            RunError: another type, shape or number.
        """
        if y.shape != (n,) or y.dtype != np.int8:
            raise RunError(f"labels must be int8 of shape ({n},), but got {y.dtype} of {y.shape}")
        if not np.isin(y, (0, 1)).all():
            seen = sorted(set(np.unique(y).tolist()) - {0, 1})
            raise RunError(f"encoded labels must be 0 or 1, but got {seen}")

    def check_present(self, y: NDArray[Any]) -> None:
        """Refuses labels of one class; see `check_classes`."""
        check_classes(y)

    def strata(self, y: NDArray[Any]) -> Strata:
        """Returns which rows are positive, and which are negative."""
        return np.stack([y == 1, y == 0], axis=1), ("positive rows", "negative rows")

    def told(self, y: NDArray[Any]) -> str:
        """Says how many rows are positive."""
        return f"{y.mean():.1%} positive"

    @property
    def column(self) -> str:
        """What a column of a table is called that says `counted` of some rows."""
        return "positive"

    def counted(self, y: NDArray[Any]) -> str:
        """Says how many of some rows are positive."""
        return f"{int(y.sum())} ({y.mean():.2%})"

    def facts(self, y: NDArray[Any]) -> dict[str, str]:
        """Returns what `describe` says of all labels."""
        n, positives = len(y), int(y.sum())
        return {
            "positive": f"{positives} ({positives / n:.2%}): {self.positive!r}",
            "negative": f"{n - positives}: {self.negative!r}",
            "imbalance": f"1 to {(n - positives) / positives:.1f}" if positives else "no positive row",
        }

    @property
    def named(self) -> list[tuple[str, str]]:
        """What labels stand for, as facts of a page."""
        return [("positive, negative", f"{self.positive!r}, {self.negative!r}")]

    def seizures(self, events: Events) -> tuple[int, ...]:
        """Returns the labels that are seizures, true or decided: the positive one."""
        return (1,)

    @property
    def meaning(self) -> str:
        """What a prediction is, in a few words."""
        return f"positive is {self.positive!r}"

    def counted_photos(self, kind: str, negative: int, positive: int) -> str:
        """Says how many photos of a kind there are of each."""
        return f"{kind}: {negative} of {self.negative!r}, {positive} of {self.positive!r}"

    def positives(self, y: NDArray[Any]) -> int | None:
        """Returns how many rows are positive."""
        return int(np.sum(y))


AnyLabels = Labels | Classes | LabelNames | Quantity
"""What labels stand for, of any task."""


@dataclass(frozen=True)
class Recording:
    """One recording: how long it is, and when the seizures of its annotation were.

    Args:
        name: as in `Rows.recordings`.
        group: the patient.
        duration_s: seconds from its start to its end, gaps included.
        seizures: start and end of each in seconds from the recording's start, ascending and disjoint.
        stretches: start and end of each part between gaps, likewise; a seizure lies in one of them or in
            none. Empty where the recording has no gaps.
        kinds: start, end and class of each seizure, ascending, where its annotation tells the class; those of
            one class are disjoint. Empty where it does not.
    """

    name: str
    group: str
    duration_s: float
    seizures: tuple[tuple[float, float], ...]
    stretches: tuple[tuple[float, float], ...] = ()
    kinds: tuple[tuple[float, float, int], ...] = ()

    @property
    def recorded_s(self) -> float:
        """Seconds without the gaps: hours, and false alarms per day, are counted on them."""
        return sum(end - start for start, end in self.stretches) if self.stretches else self.duration_s

    def of_classes(self, classes: Sequence[int]) -> "Recording":
        """The recording with the seizures of some classes alone; those that touch become one."""
        found: list[tuple[float, float]] = []
        for start, end in (span for *span, kind in self.kinds if kind in classes):
            if found and start <= found[-1][1]:
                start, end = found[-1][0], max(found.pop()[1], end)
            found.append((start, end))
        return replace(self, seizures=tuple(found), kinds=())

    def parts(self) -> tuple[tuple[float, "Recording"], ...]:
        """The stretches as recordings without gaps, each with the time at which it begins.

        Times of such a recording count from its own start.
        """
        if not self.stretches:
            return ((0.0, self),)
        return tuple((start, self._part(start, end)) for start, end in self.stretches)

    def _part(self, start: float, end: float) -> "Recording":
        name = f"{self.name} from {start:.10g} s" if start else self.name
        mine = tuple((s - start, e - start) for s, e in self.seizures if start <= s < end)
        kinds = tuple((s - start, e - start, kind) for s, e, kind in self.kinds if start <= s < end)
        return Recording(name, self.group, end - start, mine, kinds=kinds)


def counted(timeline: Sequence[Recording]) -> str:
    """How many recordings there are, and in how many stretches where some have gaps: `6 in 12 stretches`."""
    parts = sum(len(one.parts()) for one in timeline)
    missing_s = sum(one.duration_s - one.recorded_s for one in timeline)
    gaps = f" in {parts} stretches (gaps of {missing_s:.6g} s in all)" if missing_s else ""
    return f"{len(timeline)}{gaps}"


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of one data set.

    Args:
        x: inputs `(n, ...)`, float32 or uint8, finite (see `check_finite`); in memory, or mapped.
        y: of two values `(n,)` int8, 1 is positive; of K classes `(n,)` int16, their codes; of K labels
            `(n, K)` int8, 1 where one applies; of a number `(n,)` float64.
        labels: what `y` stands for.
        groups: `(n,)` text, the patient (where known) or file of each row; None is unknown.
        recordings: `(n,)` text, the recording each row was cut from, with its gaps one; None is unknown.
        times: `(n,)` float64, start of each row in its recording, in seconds; None is unknown.
        kind: what the rows are, for the choice of a trunk.
        window_s: seconds that each row covers from its time on; None is unknown.
        channels: names of the entries of the last axis, in order; None is unknown.
        timeline: every recording with its seizures, for event scores; None is unknown.
        parts: `(n,)` text, train, validation or test, where the data name them; None is unknown.
        notes: what was mended while reading, each as `name: what`.
        photos: what the photos were like before they were resized; None for other rows.

    Raises:
        RunError: a shape, a type or a value is not as above.
    """

    x: Inputs
    y: NDArray[Any]
    labels: AnyLabels
    groups: NDArray[np.str_] | None = None
    recordings: NDArray[np.str_] | None = None
    times: NDArray[np.float64] | None = None
    kind: Kind = "table"
    window_s: float | None = None
    channels: tuple[str, ...] | None = None
    timeline: tuple[Recording, ...] | None = None
    parts: NDArray[np.str_] | None = None
    notes: tuple[str, ...] = ()
    photos: Photos | None = None

    def __post_init__(self) -> None:
        if len(self.x.shape) < 2:
            raise RunError(f"inputs must have at least two axes, (rows, ...), but got shape {self.x.shape}")
        if 0 in self.x.shape:
            raise RunError(f"inputs must hold at least one value, but got shape {self.x.shape}")
        if self.x.dtype not in (np.float32, np.uint8):
            raise RunError(f"inputs must be float32 or uint8, but got {self.x.dtype}")
        n = len(self.x)
        self.labels.check(self.y, n)
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
        if self.parts is not None and self.parts.shape != (n,):
            raise RunError(f"parts must be text of shape ({n},), but got shape {self.parts.shape}")

    def __len__(self) -> int:
        return len(self.x)

    @property
    def binary(self) -> Labels:
        """The two values behind 0 and 1.

        Raises:
            RunError: the labels are not of two values, and what asks for them is for such alone.
        """
        if not isinstance(self.labels, Labels):
            raise RunError(
                f"this works with labels of two values so far, but the task is {self.labels.task.name}"
            )
        return self.labels


def check_finite(x: Inputs) -> None:
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


def blocks(x: Inputs, block_bytes: int = BLOCK_BYTES) -> list[slice]:
    """Slices along the first axis of `x` that together cover it, each of about `block_bytes`."""
    step = rows_in(x, block_bytes)
    return [slice(start, min(start + step, len(x))) for start in range(0, len(x), step)]


def rows_in(x: Inputs, block_bytes: int) -> int:
    """How many rows of `x` have about `block_bytes` together, at least 1."""
    return max(1, block_bytes // max(1, math.prod(x.shape[1:]) * x.dtype.itemsize))


def root_mean_square(x: Inputs) -> float:
    """Root mean square of all values of inputs `(n, ...)`, n >= 1, which are read block by block."""
    squares = (np.square(x[part], dtype=np.float64).sum() for part in blocks(x, READ_BYTES))
    return math.sqrt(sum(map(float, squares)) / math.prod(x.shape))


def _unfinite_rows(x: NDArray[Any]) -> NDArray[np.int64]:
    """Indices of the rows of `x` that hold NaN or infinity."""
    return np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))


def check_classes(y: NDArray[np.int8]) -> None:
    """Refuses labels of one class: there is nothing to tell apart.

    Raises:
        RunError: naming how many rows each class has.
    """
    positives = int(np.count_nonzero(y == 1))
    negatives = int(np.count_nonzero(y == 0))
    if not positives or not negatives:
        raise RunError(
            f"both classes must be present, but got {positives} positive and {negatives} negative rows"
        )
