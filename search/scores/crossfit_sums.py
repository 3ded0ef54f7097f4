"""What cross-fitting leaves to compare trials by: sums over pieces of rows, from which a value follows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import AREAS, F64
from search.scores.ranking import ranked

CUTS = 500
"""At most so many cuts of a column are looked at for its areas."""


@dataclass(frozen=True, eq=False)
class CrossfitSums:
    """A trial on resamples of the rows, its decisions held fixed.

    Each row is decided, in each split, by what was fitted on the half that it is not in. The counts of the
    two halves of a split are added before the metric is taken, and the mean is over splits, as trials of the
    binary task are compared (`search.comparison.selection.compared`).

    Args:
        columns: what each piece of the rows adds up to, float64 `(pieces, columns)`.
        of_sums: from sums of these `(k, columns)` to the values `(k,)`; NaN where undefined.
    """

    columns: F64
    of_sums: Callable[[F64], F64]

    def values(self, times: NDArray[Any]) -> F64:
        """The value under each resample, `(k,)`.

        Args:
            times: how often each piece comes up, `(k, pieces)`.
        """
        return self.of_sums(np.asarray(times, np.float64) @ self.columns)


def areas_held_out(
    positive: NDArray[np.bool_],
    score: NDArray[np.float32],
    area: str,
    average: Callable[[F64, F64], F64],
    piece: NDArray[np.intp],
    pieces: int,
) -> CrossfitSums:
    """The mean over columns of an area, whose order nothing is fitted for.

    Read off CUTS cuts of each column with equally many rows between them, and moved by what these miss on all
    rows as they are.

    Args:
        positive: `(n, K)`.
        score: finite, float32 `(n, K)`.
        area: a name of AREAS.
        average: of the areas `(..., K)` and the positives of each column `(..., K)`.
        piece, pieces: which piece each row belongs to `(n,)`, and how many there are.
    """
    blocks, exact = [], []
    for of, column in zip(positive.T, np.ascontiguousarray(score.T), strict=True):
        rows = ranked(column)
        bin_of = np.empty(of.size, np.intp)
        tied = np.repeat(rows.ends[:-1], np.diff(rows.ends))  # rows of one score stay together
        bin_of[rows.order] = tied * min(CUTS, of.size) // of.size
        for kind in (of, ~of):
            counts = np.bincount(piece[kind] * CUTS + bin_of[kind], minlength=pieces * CUTS)
            blocks.append(counts.reshape(pieces, CUTS))
        fn, tn = (rows.below(kind[rows.order]).astype(np.float64) for kind in (of, ~of))
        exact.append(AREAS[area](fn[-1] - fn, tn[-1] - tn))
    size = positive.shape[1]

    def rough(sums: F64) -> F64:
        of_bins = sums.reshape(len(sums), size, 2, CUTS)
        above = np.zeros((*of_bins.shape[:-1], CUTS + 1))
        above[..., :-1] = np.cumsum(of_bins[..., ::-1], axis=-1)[..., ::-1]
        return average(AREAS[area](above[:, :, 0], above[:, :, 1]), above[:, :, 0, 0])

    columns = np.hstack(blocks).astype(np.float64)
    missed = average(np.array([exact]), np.array([positive.sum(axis=0)], np.float64)) - rough(
        columns.sum(axis=0, keepdims=True)
    )
    return CrossfitSums(columns, lambda sums: rough(sums) + missed)
