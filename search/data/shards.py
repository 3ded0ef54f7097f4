"""Memory-mapped inputs: many files read as one array, and parts of it, without copying the whole."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spaces.errors import RunError


class Inputs(Protocol):
    """Rows of inputs `(n, ...)`: an array, or something that is read like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows, then the shape of one."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __len__(self) -> int: ...

    def __getitem__(self, taken: Any, /) -> NDArray[Any]: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Shards:
    """Rows in files of raw values, one after another; they are mapped when first read, and never pickled.

    Args:
        folder: where the files are.
        names: of the files, in order.
        counts: rows in each; a file may be missing where it holds none.
        row_shape: shape of one row.
        type_name: `float32` or `uint8`.
        elsewhere: returns the values of shard k, where this host has no such folder; None if there is no
            other place.
    """

    folder: str
    names: tuple[str, ...]
    counts: tuple[int, ...]
    row_shape: tuple[int, ...]
    type_name: str
    elsewhere: Callable[[int], NDArray[Any]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(n, ...)`."""
        return (len(self), *self.row_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return np.dtype(self.type_name)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, taken: Any, /) -> NDArray[Any]:
        """Copies rows out: a slice, row numbers `(k,)`, a mask `(n,)`, or one row's number."""
        if isinstance(taken, slice):
            start, stop, step = taken.indices(len(self))
            if step == 1:
                return self._stretch(start, max(start, stop))
            return self._gathered(np.arange(start, stop, step))
        rows = np.asarray(taken)
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        rows = np.where(rows < 0, rows + len(self), rows).astype(np.int64)
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"rows must lie within 0 to {len(self) - 1}, but got {taken!r}")
        return self._gathered(rows) if rows.ndim else self._gathered(rows[None])[0]

    def values(self, k: int) -> NDArray[Any]:
        """Shard k, `(counts[k], ...)`, mapped."""
        return self._maps[k]

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum(np.array(self.counts, dtype=np.int64))

    @cached_property
    def _maps(self) -> list[NDArray[Any]]:
        return [self._opened(k) for k in range(len(self.names))]

    def _opened(self, k: int) -> NDArray[Any]:
        path, shape = Path(self.folder) / self.names[k], (self.counts[k], *self.row_shape)
        if not self.counts[k]:
            return np.empty(shape, self.dtype)
        try:
            if path.stat().st_size == np.prod(shape, dtype=np.int64) * self.dtype.itemsize:
                return np.memmap(path, self.dtype, "r", shape=shape)
        except FileNotFoundError:
            pass
        if self.elsewhere is not None:
            return self.elsewhere(k)
        raise RunError(f"prepared data must be whole, but {path} is missing or of another size")

    def _stretch(self, start: int, stop: int) -> NDArray[Any]:
        first = int(np.searchsorted(self._ends, start, side="right"))
        out = np.empty((stop - start, *self.row_shape), self.dtype)
        done = 0
        for k in range(first, len(self.names)):
            if done == len(out):
                break
            begin = start + done - (int(self._ends[k]) - self.counts[k])
            part = self._maps[k][begin : begin + len(out) - done]
            out[done : done + len(part)] = part
            done += len(part)
        return out

    def _gathered(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        shard = np.searchsorted(self._ends, rows, side="right")
        out = np.empty((len(rows), *self.row_shape), self.dtype)
        for k in np.unique(shard):
            here = shard == k
            out[here] = self._maps[k][rows[here] - (self._ends[k] - self.counts[k])]
        return out


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the rows of inputs, read like an array of their own.

    Args:
        whole: the inputs.
        rows: which of them, `(k,)`.
    """

    whole: Inputs
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """`(k, ...)`."""
        return (len(self.rows), *self.whole.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.whole.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, taken: Any, /) -> NDArray[Any]:
        return self.whole[self.rows[taken]]
