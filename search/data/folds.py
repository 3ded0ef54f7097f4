"""Draws folds of groups for `verify`: which groups are held out, and which steer training."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.data.fold_dealing import DEALINGS, NAMED, Dealing
from search.data.leakage import find_signs
from search.data.rows import Rows
from spaces.errors import RunError, first_of
from spaces.study import Study

MOST_LEFT_OUT_SINGLY = 10
"""Up to so many groups each is a fold of its own; of more, so many folds are made."""


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

    Folds are about equal in rows and in positives (or in each class or label); one may hold none. What a
    fold does not hold out is divided into training and validation rows in the study's proportion, both with
    every class, and with both sides of every label.

    Args:
        rows: the training and validation rows of a study, of known groups.
        k: how many; None leaves out one group at a time, or makes 10 folds of more than 10 groups.
        study: names the fractions and the seed.

    Returns:
        k folds, by their first group.

    Raises:
        RunError: groups are unknown, k is not within 2 and their number, or the groups that some fold does
            not hold out cannot give every class to training and validation, or targets that vary to training.
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
    dealing = DEALINGS[rows.labels.task.name](rows, names, units)
    dealing.check(k)
    dealt = _numbered(dealing.dealt(k, np.random.default_rng(study.seed)), k)
    remedy = ", or make more folds (--k)" if k < len(names) else ""
    return tuple(
        _fold(rows, dealing, names, units, dealt == fold, study, fold + 1, remedy) for fold in range(k)
    )


def _fold(
    rows: Rows,
    dealing: Dealing,
    names: NDArray[np.str_],
    units: NDArray[np.intp],
    held_out: NDArray[np.bool_],
    study: Study,
    number: int,
    remedy: str,
) -> Fold:
    try:
        validation = _validation(dealing, units, held_out, study)
        rows.labels.task.of_rows(rows.y[~(held_out | validation)[units]])
    except RunError as error:
        raise RunError(
            f"fold {number} holds out {first_of(names[held_out], NAMED)}; {error}{remedy}"
        ) from None
    return Fold(
        number=number,
        held_out=tuple(names[held_out].tolist()),
        validation=tuple(names[validation].tolist()),
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


def _numbered(dealt: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """The folds of all groups, numbered by their first ones."""
    firsts = np.array([np.argmax(dealt == fold) for fold in range(k)])
    return np.argsort(np.argsort(firsts))[dealt]


def _validation(
    dealing: Dealing, units: NDArray[np.intp], held_out: NDArray[np.bool_], study: Study
) -> NDArray[np.bool_]:
    """Which groups `(groups,)` a fold validates on."""
    others = np.flatnonzero(~held_out)
    rows = ~held_out[units]
    part = study.split.validation / (study.split.train + study.split.validation)
    parts = dealing.parts(rows, np.searchsorted(others, units[rows]), (1 - part, part), study.seed)
    chosen = np.zeros(len(held_out), np.bool_)
    chosen[others[parts == 1]] = True
    return chosen
