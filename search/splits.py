"""Train, validation and test: whole groups, both classes everywhere, and no leakage unless it is accepted."""

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search.allocation import allocate
from search.leakage import find_signs, row_hashes
from search.rows import PARTS, Rows, check_classes
from spaces.data import Split as SplitConfig
from spaces.errors import RunError

By = Literal["group", "window", "row", "column"]


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices of the three parts, ascending, which together are all rows.

    Args:
        train: rows to fit on.
        validation: rows for the search, thresholds and calibration.
        test: rows that `promote` alone opens.
        by: what was kept whole: a group, a window of known groups (leaky), or a row of unknown groups;
            `column` where the data name the parts.
        leaky: the parts are known not to be independent, and the study accepted it.
        groups_known: the data name their groups.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    by: By
    leaky: bool
    groups_known: bool


def split(rows: Rows, config: SplitConfig) -> Split:
    """Divides rows into train, validation and test, the same way for the same seed, and looks for leakage.

    Args:
        rows: the data.
        config: the `split:` part of a study.

    Returns:
        Parts whose shares of rows and of positives are as near the fractions as whole groups allow, or those
        that the data name.

    Raises:
        RunError: windows of known groups would be scattered, leakage was found and not accepted, or some part
            would lack a class.
    """
    known = rows.groups is not None
    if known and config.by == "window" and not config.i_accept_leakage:
        raise RunError(
            "windows of one group must not stand on both sides of a split, but split.by is window "
            "and the data name groups; write split: {by: group}, or add i_accept_leakage: true "
            "to measure the flattered number anyway"
        )
    made = divide(rows, config)
    signs = find_leakage(rows, made) if not made.leaky else ()
    if signs and not config.i_accept_leakage:
        fix = (
            "correct the groups (data.group), or the parts they are in, so that all windows of one patient "
            "or recording share one"
            if known
            else "name each row's patient or recording (data.group)"
        )
        raise RunError(
            f"parts of a split must be independent, but {'; '.join(signs)}; {fix}, "
            "or add i_accept_leakage: true under split to go on anyway"
        )
    return replace(made, leaky=made.leaky or bool(signs))


def divide(rows: Rows, config: SplitConfig) -> Split:
    """Divides rows as `split` does, but does not look for leakage.

    Groups stay whole. Where they are unknown each row stands for itself, identical rows together.

    Raises:
        RunError: some part would lack a class.
    """
    check_classes(rows.y)
    known = rows.groups is not None
    by: By = config.by if known or config.by == "column" else "row"
    if by == "column":
        parts = _named_parts(rows)
    else:
        units, noun = _units(rows, by)
        fractions = (config.train, config.validation, config.test)
        parts = allocate(units, rows.y, fractions, config.seed, noun)[units]
    train, validation, test = (np.flatnonzero(parts == number).astype(np.int64) for number in range(3))
    return Split(
        train=train, validation=validation, test=test, by=by, leaky=by == "window", groups_known=known
    )


def find_leakage(rows: Rows, split: Split) -> tuple[str, ...]:
    """Signs that parts of a split share content: copies, recordings in several parts, overlapping windows.

    Args:
        rows: the data that was split.
        split: its parts.

    Returns:
        One clause per kind of leakage found; empty where there is none.
    """
    parts = np.zeros(len(rows), dtype=np.int8)
    for number, part in enumerate((split.train, split.validation, split.test)):
        parts[part] = number
    return find_signs(rows, parts)


def digest(split: Split) -> str:
    """The sha256 of a split's contents, as 64 hexadecimal digits."""
    total = hashlib.sha256(f"{split.by} {split.leaky} {split.groups_known}".encode())
    for name, part in zip(PARTS, (split.train, split.validation, split.test), strict=True):
        total.update(f" {name} {len(part)} ".encode())
        total.update(part.astype("<i8").tobytes())
    return total.hexdigest()


def _named_parts(rows: Rows) -> NDArray[np.int8]:
    """The parts that the data name: 0 train, 1 validation, 2 test, `(n,)`; each with both classes."""
    if rows.parts is None:
        raise RunError(
            "split.by column takes the parts that the data name, but they name none; say which array holds "
            "them (data.split), or which patients are in which part (data.parts)"
        )
    parts = np.searchsorted(np.array(PARTS)[_ASCENDING], rows.parts)
    numbers = np.asarray(_ASCENDING[parts], dtype=np.int8)
    for number, name in enumerate(PARTS):
        positives, all_of_it = int(rows.y[numbers == number].sum()), int(np.sum(numbers == number))
        if not 0 < positives < all_of_it:
            raise RunError(
                f"each of train, validation and test needs positive and negative rows, but {name} has "
                f"{positives} positive and {all_of_it - positives} negative"
            )
    return numbers


_ASCENDING = np.argsort(PARTS)


def _units(rows: Rows, by: By) -> tuple[NDArray[np.int64], str]:
    """A number for what each row must stay together with, and what to call such a thing."""
    if by == "group" and rows.groups is not None:
        return np.unique(rows.groups, return_inverse=True)[1].astype(np.int64), "group"
    if by == "window":
        return np.arange(len(rows), dtype=np.int64), "window"
    return np.unique(row_hashes(rows), return_inverse=True)[1].astype(np.int64), "distinct row"
