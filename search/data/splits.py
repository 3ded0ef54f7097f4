"""Splits rows into train, validation and test: whole groups, both classes in every part, no leakage."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search.data.allocation import allocate
from search.data.leakage import find_signs, row_hashes
from search.data.rows import PARTS, Rows
from search.data.shards import Part as ShardPart
from search.data.stratified_allocation import allocate as allocate_strata
from search.data.stratified_allocation import check_parts
from search.data.within_patient_split import (
    LEFT_OUT,
    advice,
    block_names,
    more_units,
    near_borders,
    recording_names,
    several_patients,
)
from search.record import GroupsKnown
from spaces.data import Split as SplitConfig
from spaces.errors import RunError
from spaces.tasks import TaskName

By = Literal["group", "recording", "time", "window", "row", "column"]

_ASCENDING = np.argsort(PARTS)


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices of the three parts, ascending, which together are all rows but those near borders of time.

    Args:
        train: rows to fit on.
        validation: rows for the search, thresholds and calibration.
        test: rows that `promote` alone opens.
        by: what was kept whole: a group; a recording or a block of time of one patient; a window of known
            groups (leaky), or a row of unknown groups; `column` where the data name the parts.
        leaky: the parts are known not to be independent, and the study accepted it.
        groups_known: the data name their groups.
        units: `(n,)` the recording or block of time of each row, where these were dealt to the parts.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    by: By
    leaky: bool
    groups_known: bool
    units: NDArray[np.str_] | None = None

    @property
    def noun(self) -> str:
        """What the parts hold whole, in the plural."""
        if self.units is None:
            return "groups"
        return "blocks of time" if self.by == "time" else "recordings"

    @property
    def groups(self) -> GroupsKnown:
        """What a record says of groups: known, unknown, or that all rows are of one patient."""
        if self.units is not None:
            return "one, by time" if self.by == "time" else "one, by recording"
        return "known" if self.groups_known else "unknown"


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
    if config.by in ("recording", "time") and several_patients(rows) and not config.i_accept_leakage:
        raise RunError(
            f"split.by {config.by} is for the data of one patient, but the data name "
            f"{len(np.unique(rows.groups if rows.groups is not None else []))} groups; write "
            "split: {by: group}, name each row's patient (data.group), or add i_accept_leakage: true "
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
    rows.labels.check_present(rows.y)
    known = rows.groups is not None
    by: By = "row" if not known and config.by in ("group", "window") else config.by
    remedy = ""
    if (
        rows.photos is not None and rows.parts is not None
    ):  # folders that stand for parts are a wish of their own
        by = "column" if config.by == "group" else by
        remedy = "; add photos of both classes, or deal all photos anew with split: {by: window}"
    leaky, names = by == "window", None
    if by == "column":
        parts = _named_parts(rows, remedy)
    else:
        if by in ("recording", "time"):
            names = recording_names(rows) if by == "recording" else block_names(rows, config)
            leaky = several_patients(rows)
        elif by == "group" and not several_patients(rows):
            raise RunError(
                f"a split by group needs three groups at least, but all {len(rows)} rows are of one; "
                f"{advice(rows)}"
            )
        units, noun = _units(rows, by, names)
        fractions = (config.train, config.validation, config.test)
        deal = _ALLOCATE[rows.labels.task.name]
        parts = deal(units, rows, fractions, config.seed, noun, more_units(rows, by))[units]
        if by == "time":
            parts[near_borders(rows, parts, config)] = LEFT_OUT
            _check_every_class(rows, parts, "; use fewer blocks (split.blocks) or a smaller split.gap_s")
    train, validation, test = (np.flatnonzero(parts == number).astype(np.int64) for number in range(3))
    return Split(
        train=train, validation=validation, test=test, by=by, leaky=leaky, groups_known=known, units=names
    )


def find_leakage(rows: Rows, split: Split) -> tuple[str, ...]:
    """Signs that parts of a split share content: copies, recordings in several parts, overlapping windows.

    Args:
        rows: the data that was split.
        split: its parts.

    Returns:
        One clause per kind of leakage found; empty where there is none.
    """
    parts = np.full(len(rows), LEFT_OUT, dtype=np.int8)
    for number, part in enumerate((split.train, split.validation, split.test)):
        parts[part] = number
    if split.units is not None:  # which share a patient, and blocks share a recording, by the study's choice
        kept = np.flatnonzero(parts != LEFT_OUT)
        rows = Rows(
            x=ShardPart(rows.x, kept),
            y=rows.y[kept],
            labels=rows.labels,
            recordings=split.units[kept],
            kind=rows.kind,
        )
        parts = parts[kept]
    return find_signs(rows, parts)


def digest(split: Split) -> str:
    """The sha256 of a split's contents, as 64 hexadecimal digits."""
    total = hashlib.sha256(f"{split.by} {split.leaky} {split.groups_known}".encode())
    for name, part in zip(PARTS, (split.train, split.validation, split.test), strict=True):
        total.update(f" {name} {len(part)} ".encode())
        total.update(part.astype("<i8").tobytes())
    return total.hexdigest()


def _named_parts(rows: Rows, remedy: str) -> NDArray[np.int8]:
    """The parts that the data name: 0 train, 1 validation, 2 test, `(n,)`; each with every class."""
    if rows.parts is None:
        raise RunError(
            "split.by column takes the parts that the data name, but they name none; say which array holds "
            "them (data.split), which patients are in which part (data.parts), or, of photos, put the class "
            "folders into folders train, validation and test"
        )
    parts = np.searchsorted(np.array(PARTS)[_ASCENDING], rows.parts)
    numbers = np.asarray(_ASCENDING[parts], dtype=np.int8)
    _check_every_class(rows, numbers, remedy)
    return numbers


def _check_both_classes(rows: Rows, parts: NDArray[np.int8], remedy: str) -> None:
    for number, name in enumerate(PARTS):
        positives, all_of_it = int(rows.y[parts == number].sum()), int(np.sum(parts == number))
        if not 0 < positives < all_of_it:
            raise RunError(
                f"each of train, validation and test needs positive and negative rows, but {name} has "
                f"{positives} positive and {all_of_it - positives} negative{remedy}"
            )


def _of_strata(
    units: NDArray[np.int64], rows: Rows, fractions: tuple[float, ...], seed: int, noun: str, remedy: str
) -> NDArray[np.int8]:
    return allocate_strata(units, rows.labels.strata(rows.y), fractions, seed, noun, remedy)


def _of_two(
    units: NDArray[np.int64], rows: Rows, fractions: tuple[float, ...], seed: int, noun: str, remedy: str
) -> NDArray[np.int8]:
    return allocate(units, rows.y, fractions, seed, noun, remedy)


_ALLOCATE: Mapping[TaskName, Callable[..., NDArray[np.int8]]] = {
    "binary": _of_two,
    **dict.fromkeys(("classes", "labels", "number"), _of_strata),
}
"""How units are dealt out; of two classes more units can be tried in the same time."""


def _check_all_of_them(rows: Rows, parts: NDArray[np.int8], remedy: str) -> None:
    check_parts(parts, rows.labels.strata(rows.y), remedy)


_CHECK: Mapping[TaskName, Callable[[Rows, NDArray[np.int8], str], None]] = {
    "binary": _check_both_classes,
    **dict.fromkeys(("classes", "labels", "number"), _check_all_of_them),
}


def _check_every_class(rows: Rows, parts: NDArray[np.int8], remedy: str = "") -> None:
    _CHECK[rows.labels.task.name](rows, parts, remedy)


def _units(rows: Rows, by: By, names: NDArray[np.str_] | None) -> tuple[NDArray[np.int64], str]:
    """A number for what each row must stay together with, and what to call such a thing."""
    if names is not None:
        noun = "recording" if by == "recording" else "block"
        return np.unique(names, return_inverse=True)[1].astype(np.int64), noun
    if by == "group" and rows.groups is not None:
        return np.unique(rows.groups, return_inverse=True)[1].astype(np.int64), "group"
    if by == "window":
        return np.arange(len(rows), dtype=np.int64), "window"
    return np.unique(row_hashes(rows), return_inverse=True)[1].astype(np.int64), "distinct row"
