"""The bootstrap resamples that all trials of a run share: of groups, else recordings, else rows."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.scores.calibration import CalibrationMethod
from search.scores.reference import Reference
from spaces.study import Events

F32 = NDArray[np.float32]
Kind = Literal["groups", "recordings", "blocks of time", "rows"]
ROWS_ALONE = 2000
"""Up to so many rows are drawn one by one; if there are more, they are bundled first."""
BUNDLES = 500


@dataclass(frozen=True, eq=False)
class Units:
    """What is drawn with replacement.

    Single rows beyond ROWS_ALONE are dealt at random into BUNDLES of (nearly) one size, which are drawn
    instead: sums over independent rows vary as much in bundles as alone, and the spread of 500 is known to
    3% (1 / sqrt(2 * 500)), while the work no longer grows with rows times resamples.

    Args:
        kind: what the units are.
        count: how many of them there are.
        piece: which piece, of those drawn, each row belongs to, intp `(n,)`.
        pieces: how many pieces there are: `count`, or the number of bundles.
    """

    kind: Kind
    count: int
    piece: NDArray[np.intp]
    pieces: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """The rows and resamples that all trials of a comparison share.

    Args:
        reference: the rows that scores belong to, with the half-splits.
        units: from `units_of` of the same rows.
        metric: the objective, where larger is better.
        calibrate: how calibrations are fitted.
        events: how decisions become events.
        seed: of the resamples.
    """

    reference: Reference
    units: Units
    metric: str
    calibrate: CalibrationMethod
    events: Events
    seed: int


def units_of(reference: Reference, seed: int) -> Units:
    """Returns the units of the rows: groups, unless all rows are of one; else recordings; else rows.

    Of one patient, what was dealt to the parts stands where groups do.

    Args:
        reference: the rows.
        seed: of the bundles.
    """
    groups, recordings, by = reference.groups, reference.recordings, reference.halves.by
    kind: Kind = "blocks of time" if by == "block" else "groups"
    if by == "recording" and groups is not None and recordings is not None:
        kind = "recordings" if np.array_equal(groups, recordings) else "groups"
    return units({kind: groups} | {"recordings": recordings}, len(reference.y), seed)


def units(names: dict[Kind, NDArray[Any] | None], rows: int, seed: int) -> Units:
    """Returns the first kind of unit that has two of its own, else the first that is known, else rows.

    Args:
        names: the unit of each row `(n,)` by kind, where known.
        rows: n.
        seed: of the bundles.
    """
    known = []
    for kind, values in names.items():
        if values is not None:
            piece = np.unique(values, return_inverse=True)[1]
            count = int(piece.max()) + 1
            known.append(Units(kind, count, piece, count))
    if known:
        return next((found for found in known if found.count > 1), known[0])
    if rows <= ROWS_ALONE:
        return Units("rows", rows, np.arange(rows), rows)
    return Units("rows", rows, np.random.default_rng(seed).permutation(rows) % BUNDLES, BUNDLES)


def draws(units: Units, repeats: int, rng: np.random.Generator) -> F32:
    """How often each piece comes up in each resample, whole numbers `(repeats, pieces)`."""
    drawn = rng.integers(units.pieces, size=(repeats, units.pieces))
    drawn += np.arange(repeats)[:, None] * units.pieces
    times = np.bincount(drawn.ravel(), minlength=repeats * units.pieces)
    return times.reshape(repeats, units.pieces).astype(np.float32)


def exact(times: F32, piece: NDArray[np.intp]) -> NDArray[Any]:
    """The draws in a type that sums of rows stay whole numbers in: float32 up to 2^24 rows in a resample."""
    most = float((times @ np.bincount(piece, minlength=times.shape[1]).astype(np.float64)).max())
    return times if most < 2**24 else times.astype(np.float64)
