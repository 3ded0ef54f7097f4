"""Batches on their way into Keras: gathered from mapped arrays, and never waited for afterwards."""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.rows import READ_BYTES
from search.shards import Inputs

BATCH = 512
"""Most rows scored at once."""
AHEAD = 2
"""Training batches gathered while the device computes."""


class InOrder(keras.utils.PyDataset):  # type: ignore[misc]  # keras carries no types
    """Rows in batches, with their targets if there are any; mapped inputs are never copied whole.

    Args:
        x: inputs `(n, ...)`.
        targets: what the model is to say of them `(n, ...)`, or None.
        taken: numbers of the rows, ascending; None for all of them.
        batch: most rows at once; fewer where they are large.
    """

    def __init__(
        self,
        x: Inputs,
        targets: NDArray[np.float32] | None = None,
        taken: NDArray[np.intp] | None = None,
        batch: int = BATCH,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._x, self._targets, self._taken = x, targets, taken
        self._count = len(x) if taken is None else len(taken)
        row_bytes = max(1, math.prod(x.shape[1:]) * x.dtype.itemsize)
        self._size = max(1, min(batch, READ_BYTES // row_bytes))

    def __len__(self) -> int:
        return math.ceil(self._count / self._size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.generic], ...]:
        part: Any = slice(index * self._size, min((index + 1) * self._size, self._count))
        if self._taken is not None:
            part = self._taken[part]
        return (self._x[part],) if self._targets is None else (self._x[part], self._targets[part])


def fed(batches: keras.utils.PyDataset) -> Any:
    """Returns batches as `fit`, `predict` and `evaluate` take them without a wait at the end.

    Keras hands a `PyDataset`, or arrays, to TensorFlow as a pipeline that tunes itself. The thread that
    tunes sleeps for 10 ms, 20 ms, 40 ms and so on, and on busy processors the end of an epoch waits until it
    wakes: up to as long as the epoch took. Here nothing is tuned. The batches and their order are the same,
    and so is every bit that comes of them.

    Args:
        batches: at least one, each a tuple of arrays that differ from batch to batch in their first dimension
            alone. Read anew, from the first, whenever an epoch begins.
    """
    if keras.config.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    signature = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in batches[0])
    # Not `iter(batches)`: that of a PyDataset has no end.
    pipeline = tf.data.Dataset.from_generator(
        lambda: (batches[index] for index in range(len(batches))), output_signature=signature
    )
    pipeline = pipeline.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(AHEAD)
    options = tf.data.Options()
    options.autotune.enabled = False
    return pipeline.with_options(options)


def predict(model: Any, x: Inputs) -> Any:
    """Returns what a model says of rows `(n, ...)`, n >= 1, in inference mode: arrays `(n, ...)`."""
    return model.predict(fed(InOrder(x)), verbose=0)
