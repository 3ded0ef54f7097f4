"""Draws folds of groups for `verify`: which groups are held out, and which steer training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.data.allocation import allocate
from search.data.leakage import find_signs
from search.data.rows import Rows
from spaces.errors import RunError, first_of
from spaces.study import Study

MOST_LEFT_OUT_SINGLY = 10
"""Up to so many groups each is a fold of its own; of more, so many folds are made."""

NAMED = 10
"""Groups that a message names."""


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One fold; all other groups are trained on.

    Args:
        number: from 1.
        held_out: groups that nothing sees before it is fitted, sorted.
        validation: groups that steer training, and that calibration and threshold are fitted on, sorted.
    """

    number: int
    held_out: tuple[str, ...]
    validation: tuple[str, ...]


def draw_folds(rows: Rows, k: int | None, study: Study) -> tuple[Fold, ...]:
    """Divides rows into folds of whole groups, the same way for the same seed.

    Folds are about equal in rows and in positives; one may hold no positive. What a fold does not hold out
    is divided into training and validation rows in the study's proportion, both with both classes.

    Args:
        rows: the training and validation rows of a study, of known groups.
        k: how many; None leaves out one group at a time, or makes 10 folds of more than 10 groups.
        study: names the fractions and the seed.

    Returns:
        k folds, by their first group.

    Raises:
        RunError: groups are unknown, k is not within 2 and their number, or the groups that some fold does
            not hold out cannot give both classes to training and validation.
    """
    if rows.groups is None:
        raise RunError(
            "folds hold out whole groups, but the groups of these data are unknown; name each row's patient "
            "or recording (data.group) and start a new run"
        )
    names, units = np.unique(rows.groups, return_inverse=True)
    if len(names) < 2:
        raise RunError(f"folds hold out whole groups, but all {len(rows)} rows are of one, {str(names[0])!r}")
    k = min(len(names), MOST_LEFT_OUT_SINGLY) if k is None else k
    if not 2 <= k <= len(names):
        raise RunError(f"folds of {len(names)} groups number 2 to {len(names)}, but got {k} (--k)")
    positives = np.bincount(units, weights=rows.y).astype(np.int64)
    _check_enough_groups(names, positives, np.bincount(units))
    dealt = _dealt(np.bincount(units), positives, k, np.random.default_rng(study.seed))
    return tuple(
        Fold(
            number=fold + 1,
            held_out=tuple(names[dealt == fold].tolist()),
            validation=tuple(
                names[_validation(units, rows.y, dealt == fold, names, study, fold + 1)].tolist()
            ),
        )
        for fold in range(k)
    )


def find_fold_leakage(rows: Rows, folds: tuple[Fold, ...]) -> tuple[str, ...]:
    """Signs that folds share content; see `search.data.splits.find_leakage`.

    Args:
        rows: those that were divided.
        folds: which hold out all of their groups.
    """
    fold_of = {group: fold.number - 1 for fold in folds for group in fold.held_out}
    names, units = np.unique(rows.groups if rows.groups is not None else [], return_inverse=True)
    parts = np.array([fold_of[name] for name in names.tolist()], np.int64)[units]
    return find_signs(rows, parts, tuple(f"fold {fold.number}" for fold in folds))


def _check_enough_groups(
    names: NDArray[np.str_], positives: NDArray[np.int64], sizes: NDArray[np.int64]
) -> None:
    """Training, validation and, in some fold, a held-out group want positives of their own."""
    holding, holding_negatives = (positives > 0), (positives < sizes)
    if holding.sum() >= 3 and holding_negatives.sum() >= 3:
        return
    raise RunError(
        "folds need three groups with positive rows and three with negative rows (one held out, one to "
        f"train on, one to fit the threshold on), but of {len(names)} groups {_listed(names, positives)} "
        f"and {int(holding_negatives.sum())} hold negatives"
    )


def _dealt(
    sizes: NDArray[np.int64], positives: NDArray[np.int64], k: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The fold of each group, `(groups,)`, each of the k having one; numbered by their first groups.

    The groups with most positives go first, then the largest, each to the fold that is furthest behind. As
    an empty fold is behind every other, none stays empty.
    """
    shares = np.stack([sizes / sizes.sum(), positives / positives.sum()], axis=1)
    order = rng.permutation(len(sizes))
    order = order[np.lexsort((-sizes[order], -positives[order]))]
    totals, found = np.zeros((k, 2)), np.zeros(len(sizes), np.int64)
    for group in order:
        fold = int(np.argmin(totals @ shares[group]))
        found[group] = fold
        totals[fold] += shares[group]
    firsts = np.array([np.argmax(found == fold) for fold in range(k)])
    return np.argsort(np.argsort(firsts))[found]


def _validation(
    units: NDArray[np.intp],
    y: NDArray[np.int8],
    held_out: NDArray[np.bool_],
    names: NDArray[np.str_],
    study: Study,
    number: int,
) -> NDArray[np.bool_]:
    """Which groups `(groups,)` a fold validates on."""
    others = np.flatnonzero(~held_out)
    rows = ~held_out[units]
    part = study.split.validation / (study.split.train + study.split.validation)
    renumbered = np.searchsorted(others, units[rows])
    try:
        parts = allocate(renumbered, y[rows], (1 - part, part), study.seed, "group")
    except RunError as error:
        positives = np.bincount(units[rows], weights=y[rows], minlength=len(names)).astype(np.int64)
        raise RunError(
            f"fold {number} holds out {first_of(names[held_out], NAMED)}; "
            f"of the others {_listed(names, positives)}: {error}, or make more folds (--k)"
        ) from None
    chosen = np.zeros(len(names), np.bool_)
    chosen[others[parts == 1]] = True
    return chosen


def _listed(names: NDArray[np.str_], positives: NDArray[np.int64]) -> str:
    holding = names[positives > 0]
    return f"{len(holding)} hold positives ({first_of(holding, NAMED) or 'none'})"
