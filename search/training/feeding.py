"""Feeds batches to Keras from mapped arrays, without the wait of Keras' own pipelines."""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.data.rows import READ_BYTES, rows_in
from search.data.shards import Inputs

BATCH = 512
"""Most rows scored at once."""
AHEAD = 2
"""Training batches gathered while the device computes."""


class InOrder(keras.utils.PyDataset):  # type: ignore[misc]  # keras carries no types
    """Rows with their targets in batches; mapped inputs are never copied whole.

    Args:
        x: inputs `(n, ...)`.
        targets: what the model is to say of them `(n, ...)`.
        taken: numbers of the rows that count, ascending.
    """

    def __init__(self, x: Inputs, targets: NDArray[np.float32], taken: NDArray[np.intp]) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._x, self._targets, self._taken = x, targets, taken
        self._size = rows_at_once(x)

    def __len__(self) -> int:
        return math.ceil(len(self._taken) / self._size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
        taken = self._taken[index * self._size : (index + 1) * self._size]
        return self._x[taken], self._targets[taken]


def fed(batches: keras.utils.PyDataset) -> Any:
    """Returns batches as `fit` and `evaluate` take them without a wait at the end.

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
    """Returns what a model says of rows `(n, ...)`, n >= 1, in inference mode: arrays `(n, ...)`.

    Without a pipeline at all: TensorFlow frees that of arrays in memory, and the arrays with it, late.
    """
    size = min(len(x), rows_at_once(x))
    said = []
    for start in range(0, len(x), size):
        # The last batch begins within the one before: all have one shape, and are compiled for once.
        first = min(start, len(x) - size)
        outputs = model.predict_on_batch(x[first : first + size])
        said.append(keras.tree.map_structure(lambda values, new=start - first: values[new:], outputs))
    return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *said)


def rows_at_once(x: Inputs) -> int:
    """Rows of `x` to score at once: `BATCH`, or fewer where they are large."""
    return min(BATCH, rows_in(x, READ_BYTES))
