"""Many small arrays as few long ones: one of each dtype, for programs that take the states of many trials."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


class Packing:
    """Where each array stands in the long one of its dtype.

    Args:
        examples: arrays of the shapes and dtypes that are packed.
    """

    def __init__(self, examples: Sequence[Any]) -> None:
        self.dtypes = list(dict.fromkeys(np.dtype(each.dtype) for each in examples))
        self.lengths = [0] * len(self.dtypes)
        self._places: list[tuple[int, int, int, tuple[int, ...]]] = []
        for each in examples:
            kind, size = self.dtypes.index(np.dtype(each.dtype)), int(np.prod(each.shape))
            begin = self.lengths[kind]
            self.lengths[kind] = begin + size
            self._places.append((kind, begin, begin + size, tuple(each.shape)))

    def shapes(self) -> tuple[Any, ...]:
        """Returns the shapes and dtypes of the long arrays."""
        pairs = zip(self.lengths, self.dtypes, strict=True)
        return tuple(jax.ShapeDtypeStruct((length,), dtype) for length, dtype in pairs)

    def pack(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """Returns the long arrays, one of each dtype."""
        return self._packed(arrays, jnp)

    def on_the_host(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """Returns the long arrays as `pack` does, put together in the host's memory."""
        return self._packed([np.asarray(each) for each in arrays], np)

    def unpack(self, packed: Sequence[Any], numbers: Sequence[int] | None = None) -> list[Any]:
        """Returns the arrays, or those of these numbers."""
        places = self._places if numbers is None else [self._places[number] for number in numbers]
        return [packed[kind][begin:end].reshape(shape) for kind, begin, end, shape in places]

    def _packed(self, arrays: Sequence[Any], library: Any) -> tuple[Any, ...]:
        parts: list[list[Any]] = [[] for _ in self.dtypes]
        for (kind, *_), each in zip(self._places, arrays, strict=True):
            parts[kind].append(each.astype(self.dtypes[kind]).reshape(-1))
        return tuple(library.concatenate(each) for each in parts)
