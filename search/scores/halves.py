"""Half-splits whose halves both hold every class, or rows with and without every label."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.crossfit import SPLITS, Halves, dealt_out
from spaces.errors import RunError, first_of

ATTEMPTS = 100
"""How often a split is dealt anew that leaves a half without something: the units may hold much at once."""


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
    known, rows. What `crossfit.draw_halves` does for positives and negatives, for any number of parts.

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
    for by, names in dealt_out(groups, recordings, len(holds)).items():
        if np.shape(names) != holds.shape[:1]:
            raise ValueError(f"groups must have shape {holds.shape[:1]}, but got {np.shape(names)}")
        unit = np.unique(names, return_inverse=True)[1]
        has = _contents(holds, unit)
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


def _contents(holds: NDArray[np.bool_], unit: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which units hold which parts, `(units, parts)`."""
    counts = [np.bincount(unit, column, int(unit.max()) + 1) for column in holds.T]
    return np.stack(counts, axis=1) > 0


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
