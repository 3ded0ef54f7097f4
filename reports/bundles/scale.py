"""The scale of the rows a bundle was trained on, and whether other rows are of that scale."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.bundles.schema import Input
from search.data.rows import root_mean_square
from search.data.shards import Inputs, Part
from spaces.errors import RunError, first_of

OTHER_UNITS = 100.0
"""Rows are refused whose root mean square is more than this factor above or below that of the training rows:
units differ by a factor of 1000, and pixels that were divided by 255 once too often by 255. Any two of the
500 Bonn recordings are at most a factor of 31 apart."""

FAR = 40.0
"""A channel is far outside where its values reach this many times as far from the training median as 98% of
the training values do. Of the Bonn recordings, cut to seconds, none reaches 18 times as far where one of the
five sets is in training, and none 6 times where all are."""

SCALE_ROWS = 4096
"""The scale is taken from at most so many training rows."""

TRAINING_VALUES, NEW_VALUES = 2**22, 2**18
"""Quantiles are those of rows that hold about so many values together, evenly spaced among all. New rows are
checked batch by batch, in milliseconds."""

MOST_CHANNELS = 256
"""Rows with a longer last axis are taken as one channel: a flattened signal, whose values are of one kind."""

QUANTILES = (0.01, 0.5, 0.99)

NAMED = 5
"""Channels that a message names."""


def scale_of(x: Inputs) -> dict[str, Any]:
    """Measures the scale of float32 rows `(n, ..., channels)`, evenly spaced ones standing for all.

    Returns:
        `root_mean_square` of all values, and `quantiles`: the `QUANTILES` of each channel's.
    """
    some = np.linspace(0, len(x) - 1, min(len(x), SCALE_ROWS)).astype(np.int64)
    return {
        "root_mean_square": root_mean_square(Part(x, some)),
        "quantiles": _quantiles(Part(x, some), TRAINING_VALUES).tolist(),
    }


def check_scale(x: NDArray[np.float32], trained: Input) -> None:
    """Refuses rows of other units than the training rows, and warns of single channels that are far outside.

    Args:
        x: rows `(n, ..., channels)`, n >= 1, finite.
        trained: the training rows; what earlier bundles did not store is not checked.

    Raises:
        RunError: the root mean square is another (see `OTHER_UNITS`), or most channels are far outside.
    """
    root = trained.root_mean_square
    if root:
        came = root_mean_square(x)
        # Zeros are zeros in every unit.
        if came and not root / OTHER_UNITS <= came <= root * OTHER_UNITS:
            raise RunError(
                f"the bundle was trained on rows of root mean square {root:.2g}, "
                f"but these have {came:.2g}: other units?"
            )
    if trained.quantiles is not None:
        _check_channels(x, np.array(trained.quantiles, np.float64), trained.channels or None)


def _check_channels(
    x: NDArray[np.float32], trained: NDArray[np.float64], channels: Sequence[str] | None
) -> None:
    low, middle, high = trained.T
    reach = np.maximum(high - middle, middle - low)
    telling = reach > 0  # a value that was constant in training says nothing of units
    came = _quantiles(x, NEW_VALUES)
    far = telling & (np.abs(came - middle[:, None]).max(axis=1) > FAR * reach)
    if not far.any():
        return
    one = int(np.argmax(far))
    names = [
        channels[k] if channels and len(channels) == len(far) else str(k)
        for k in np.flatnonzero(far).tolist()
    ]
    said = (
        f"the bundle was trained on other values of {first_of(names, NAMED)}, of {len(far)} channels: 98% of "
        f"those of {names[0]} lay from {low[one]:.3g} to {high[one]:.3g}, and here lie from "
        f"{came[one, 0]:.3g} to {came[one, 2]:.3g}: other units?"
    )
    if 2 * np.count_nonzero(far) > np.count_nonzero(telling):
        raise RunError(said)
    logging.getLogger(__name__).warning("%s", said)


def _quantiles(x: Inputs, values: int) -> NDArray[np.float64]:
    """The `QUANTILES` of the values of each channel of rows `(n, ..., channels)`, `(channels, 3)`."""
    step = max(1, len(x) * int(np.prod(x.shape[1:])) // values)
    some = x[np.arange(0, len(x), step)].astype(np.float64)
    flat = some.reshape(-1, x.shape[-1] if x.shape[-1] <= MOST_CHANNELS else 1)
    return np.asarray(np.quantile(flat, QUANTILES, axis=0).T)
