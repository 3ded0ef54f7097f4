"""Half-splits of the validation rows whose halves both hold what cross-fitting needs: each class or label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search.scores.ranking import positives
from spaces.errors import RunError, first_of

SPLITS = 10
ATTEMPTS = 100
"""How often a split is dealt anew that leaves a half without something: the units may hold much at once."""


@dataclass(frozen=True, eq=False)
class Halves:
    """The half-splits of the validation rows, drawn once per study and shared by all its trials.

    Args:
        by: what was kept in one piece.
        mask: which rows are in the first half, bool `(n, splits)`.
    """

    by: Literal["group", "recording", "block", "row"]
    mask: NDArray[np.bool_]


def draw_halves(
    y: NDArray[Any],
    groups: NDArray[Any] | None,
    recordings: NDArray[Any] | None,
    seed: int,
    splits: int = SPLITS,
    *,
    which: str = "validation needs",
    remedy: str = "use more groups or a larger split.validation",
) -> Halves:
    """Draws half-splits in which each half holds a positive group and a negative row.

    Positive groups, and groups with negative rows, are each dealt out as evenly as possible (the halves
    differ by one at most). Where groups do not allow it, recordings are dealt out instead; where neither
    groups nor recordings are known, rows.

    Args:
        y: 0/1 or bool `(n,)`.
        groups: the group of each row (a patient, else a file), any type that sorts, `(n,)`.
        recordings: the recording of each row, `(n,)`.
        seed: of the draw.
        splits: how many.
        which, remedy: what the rows are called, and what a person can do, for messages.

    Raises:
        RunError: nothing that may be dealt out has two positive units and two with negative rows.
    """
    positive = positives(y, np.asarray(y))
    came = []
    for by, names in _dealt_out(groups, recordings, positive.size).items():
        unit, has = _contents(np.column_stack([positive, ~positive]), names)
        has_positive, has_negative = has.T
        if has_positive.sum() >= 2 and has_negative.sum() >= 2:
            rng = np.random.default_rng(seed)
            masks = [_deal_two(has_positive, has_negative, rng)[unit] for _ in range(splits)]
            return Halves(by, np.stack(masks, axis=1))
        came.append(f"{has_positive.sum()} {by}s with positives and {has_negative.sum()} with negatives")
    raise RunError(
        f"{which} two groups (or recordings) with positive rows and two with negative rows, one for "
        f"each half of a cross-fit, but got {', '.join(came)}; {remedy}",
        exit_code=2,
    )


def _dealt_out(
    groups: NDArray[Any] | None, recordings: NDArray[Any] | None, rows: int
) -> dict[Literal["group", "recording", "row"], NDArray[Any]]:
    """What half-splits may keep in one piece, in the order in which it is tried: the unit of each row."""
    units: dict[Literal["group", "recording", "row"], NDArray[Any]] = {}
    if groups is not None:
        units["group"] = groups
    if recordings is not None:
        units["recording"] = recordings
    return units or {"row": np.arange(rows)}


def _deal_two(
    has_positive: NDArray[np.bool_], has_negative: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Which units go to the first half, `(units,)`.

    Units with both kinds of rows are dealt in turn, then those with positives only, beginning with the
    half that is behind in positives, then those with negatives only, beginning with the half that is
    behind in negatives. With two units of each kind no half can go without.
    """
    first = np.zeros(has_positive.size, np.bool_)
    start = int(rng.integers(2))
    mixed = int((has_positive & has_negative).sum())
    behind = (start + mixed) % 2
    for kind, begin in (
        (has_positive & has_negative, start),
        (has_positive & ~has_negative, behind),
        (has_negative & ~has_positive, behind if mixed % 2 else int(rng.integers(2))),
    ):
        shuffled = rng.permutation(np.flatnonzero(kind))
        first[shuffled] = (np.arange(shuffled.size) + begin) % 2 == 0
    return first


def draw_halves_of(
    holds: NDArray[np.bool_],
    parts: Sequence[str],
    groups: NDArray[Any] | None,
    recordings: NDArray[Any] | None,
    seed: int,
    splits: int = SPLITS,
    *,
    which: str = "validation needs",
    remedy: str = "use more groups or a larger split.validation",
) -> Halves:
    """Draws half-splits in which each half holds a group with each part, as evenly as the groups allow.

    Where groups do not allow it, recordings are dealt out instead; where neither groups nor recordings are
    known, rows. What `draw_halves` does for positives and negatives, for any number of parts.

    Args:
        holds: which rows are of which part, `(n, parts)`: the classes; each label's rows with and without it;
            or one part that holds every row.
        parts: what the parts are called, such as "class 'focal'".
        groups: the group of each row (a patient, else a file), any type that sorts, `(n,)`.
        recordings: the recording of each row, `(n,)`.
        seed: of the draw.
        splits: how many.
        which, remedy: what the rows are called, and what a person can do, for messages.

    Raises:
        RunError: nothing that may be dealt out has every part twice, or no deal gives it to both halves.
    """
    came = []
    for by, names in _dealt_out(groups, recordings, len(holds)).items():
        unit, has = _contents(holds, names)
        missing = np.flatnonzero(has.sum(axis=0) < 2)
        if missing.size == 0:
            rng = np.random.default_rng(seed)
            masks = [_deal(has, rng) for _ in range(splits)]
            dealt = [mask[unit] for mask in masks if mask is not None]
            if len(dealt) == splits:
                return Halves(by, np.stack(dealt, axis=1))
            came.append(f"{by}s that cannot be dealt so")
        else:
            counts = (f"{parts[k]} in {int(has[:, k].sum())} {by}s" for k in missing.tolist())
            came.append(first_of(counts, 5))
    raise RunError(
        f"{which} every class or label in two groups (or recordings), one for each half of a cross-fit, "
        f"but got {'; '.join(came)}; {remedy}",
        exit_code=2,
    )


def _contents(holds: NDArray[np.bool_], names: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The number of the unit of each row `(n,)`, and which units hold which parts, `(units, parts)`."""
    if np.shape(names) != holds.shape[:1]:
        raise ValueError(
            f"groups must have the shape of the labels, {holds.shape[:1]}, but got {np.shape(names)}"
        )
    unit = np.unique(names, return_inverse=True)[1]
    counts = [np.bincount(unit, column, int(unit.max()) + 1) for column in holds.T]
    return unit, np.stack(counts, axis=1) > 0


def _deal(has: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """Which units go to the first half, `(units,)`; None where no attempt gives every part to both.

    Units that hold the same are dealt in turn, those with the rarest parts first, each time beginning with
    the half that is behind in the rarest part of theirs.
    """
    kinds, kind = np.unique(has, axis=0, return_inverse=True)
    amounts = has.sum(axis=0)
    rarity = np.where(kinds, amounts, len(has) + 1)
    for _ in range(ATTEMPTS):
        first = np.zeros(len(has), np.bool_)
        balance = np.zeros(has.shape[1], np.int64)  # how much more of each part the first half holds
        for k in np.lexsort([rng.random(len(kinds)), rarity.min(axis=1)]):
            shuffled = rng.permutation(np.flatnonzero(kind.ravel() == k))
            ahead = int(balance[np.argmin(rarity[k])])
            begin = ahead > 0 if ahead else bool(rng.integers(2))
            first[shuffled] = (np.arange(shuffled.size) + begin) % 2 == 0
            balance += kinds[k] * (2 * int(first[shuffled].sum()) - shuffled.size)
        if has[first].any(axis=0).all() and has[~first].any(axis=0).all():
            return first
    return None
