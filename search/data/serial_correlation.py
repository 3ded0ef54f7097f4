"""Looks for a time series in rows of unknown groups: neighbours that are far more alike than strangers."""

import numpy as np
from numpy.typing import NDArray

from search.data.rows import READ_BYTES, Rows, rows_in
from search.data.shards import Inputs

F64 = NDArray[np.float64]

PAIRS = 1000
"""Rows that are compared with their neighbours."""

VALUES = 512
"""Values of a row that are compared, of those with more."""

SIGNAL = 16
"""Values from which a row may be a signal, whose level and pace are compared too: two windows of a recording
differ in phase."""

STRANGERS = 100
"""A stranger stands a hundredth of all rows away: mostly in the same class, where rows are sorted by a finer
label than the study's, and in another recording, where there are many."""

LEAST_AWAY = 5

ALIKE = 0.65
"""Least share of rows nearer to their neighbour than to a stranger. Measured: .73 to .81 on windows of EEG
(Bonn, simulated), .94 to .98 on autoregressive series, .48 to .60 on tables and photos, sorted by label or
not; .78 on scikit-learn's digits sorted stably by class, where those of one writer then stand together (.62
sorted by numpy's default)."""

LEAST_Z = 5.0
"""And so many standard errors above one half."""


def resembles_time_series(rows: Rows) -> float | None:
    """Returns the share of rows nearer to the next row than to a stranger of their class, if that is telling.

    Under any order that says nothing but the label the share is one half: the next row, and one a hundredth
    of all rows further on, are then drawn alike.

    Returns:
        None where the share is below ALIKE, or not told from one half.
    """
    far = max(LEAST_AWAY, len(rows) // STRANGERS)
    one = np.arange(max(0, len(rows) - far))
    y = rows.y.reshape(len(rows), -1)
    one = one[((y[one] == y[one + 1]) & (y[one] == y[one + far])).all(axis=1)]
    rng = np.random.default_rng(0)
    if len(one) > PAIRS:
        one = np.sort(rng.choice(one, PAIRS, replace=False))
    if not len(one):
        return None
    places = np.arange(int(np.prod(rows.x.shape[1:])))
    if len(places) > VALUES:
        places = np.sort(rng.choice(places, VALUES, replace=False))
    described = [_described(rows.x, one + step, places) for step in (0, 1, far)]
    shares = [_share(*alike) for alike in zip(*described, strict=True)]
    share = max(shares)
    return share if share >= ALIKE and (share - 0.5) * 2 * np.sqrt(len(one)) >= LEAST_Z else None


def _described(x: Inputs, taken: NDArray[np.int64], places: NDArray[np.int64]) -> list[F64]:
    """Values of some rows `(k, places)`, and of signals their level, spread and pace `(k, 3)`."""
    values, moments = [], []
    size = rows_in(x, READ_BYTES)
    for start in range(0, len(taken), size):
        block = np.asarray(x[taken[start : start + size]], np.float64)
        flat = block.reshape(len(block), -1)
        values.append(flat[:, places])
        if flat.shape[1] >= SIGNAL:
            signal = flat[:, :, None] if block.ndim == 2 else block.reshape(*block.shape[:2], -1)
            spread = np.log(signal.std(axis=(1, 2)) + 1e-9)
            pace = (
                np.log(np.abs(np.diff(signal, axis=1)).mean(axis=(1, 2)) + 1e-9)
                if signal.shape[1] > 1
                else spread
            )
            moments.append(np.stack([signal.mean(axis=(1, 2)), spread, pace], axis=1))
    return [np.concatenate(made) for made in (values, moments) if made]


def _share(rows: F64, following: F64, strangers: F64) -> float:
    """Share of rows nearer to those that follow than to strangers, equal ones as half; all `(k, values)`."""
    scale = rows.std(axis=0)
    told = scale > 0
    near, far = (
        np.square((other[:, told] - rows[:, told]) / scale[told]).sum(axis=1)
        for other in (following, strangers)
    )
    return float(np.mean(near < far) + np.mean(near == far) / 2)


def warning(rows: Rows) -> str | None:
    """Returns a line on rows that look like a time series though nobody says whose they are; None if not."""
    if rows.groups is not None:
        return None
    share = resembles_time_series(rows)
    if share is None:
        return None
    one = "name data.time and write" if rows.times is None else "write"
    return (
        f"beware: {share:.0%} of rows are more like the next row of the file than like one further on with "
        "the same label (50% where the order says nothing), as windows of one recording or rows of a person "
        f"are; split one by one, such rows stand in all parts and numbers flatter: name data.recording or "
        f"data.group, or, of one person, {one} split: {{by: time}}"
    )
