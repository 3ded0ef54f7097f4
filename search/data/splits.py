"""Splits rows into train, validation and test: whole groups, both classes in every part, no leakage."""

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search.data.leakage import find_signs, row_hashes
from search.data.one_patient import (
    LEFT_OUT,
    advice,
    block_names,
    near_borders,
    recording_names,
    several_patients,
)
from search.data.rows import PARTS, Rows, check_classes
from search.data.shards import Part as ShardPart
from search.record import GroupsKnown
from spaces.data import Split as SplitConfig
from spaces.errors import RunError

By = Literal["group", "recording", "time", "window", "row", "column"]

RESTARTS = 20
CLIMBED_UNITS = 1000
"""Up to so many units an allocation is improved move by move; beyond, one greedy pass is near enough."""

MOST_MOVES = 300

MISSING = 1000.0
"""Cost of a part without a class: more than any deviation from the fractions."""

LONELY = 1.0
"""Cost of validation with one positive unit: thresholds are cross-fitted on halves, each wanting one."""

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
    check_classes(rows.y)
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
        parts = allocate(units, rows.y, fractions, config.seed, noun)[units]
        if by == "time":
            parts[near_borders(rows, parts, config)] = LEFT_OUT
            _check_both_classes(rows, parts, "; use fewer blocks (split.blocks) or a smaller split.gap_s")
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
    """The parts that the data name: 0 train, 1 validation, 2 test, `(n,)`; each with both classes."""
    if rows.parts is None:
        raise RunError(
            "split.by column takes the parts that the data name, but they name none; say which array holds "
            "them (data.split), which patients are in which part (data.parts), or, of photos, put the class "
            "folders into folders train, validation and test"
        )
    parts = np.searchsorted(np.array(PARTS)[_ASCENDING], rows.parts)
    numbers = np.asarray(_ASCENDING[parts], dtype=np.int8)
    _check_both_classes(rows, numbers, remedy)
    return numbers


def _check_both_classes(rows: Rows, parts: NDArray[np.int8], remedy: str = "") -> None:
    for number, name in enumerate(PARTS):
        positives, all_of_it = int(rows.y[parts == number].sum()), int(np.sum(parts == number))
        if not 0 < positives < all_of_it:
            raise RunError(
                f"each of train, validation and test needs positive and negative rows, but {name} has "
                f"{positives} positive and {all_of_it - positives} negative{remedy}"
            )


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


def allocate(
    units: NDArray[np.int64], y: NDArray[np.int8], fractions: tuple[float, ...], seed: int, noun: str
) -> NDArray[np.int8]:
    """Gives every unit to one of a few parts.

    The largest units go first, each to the part where it costs least; for few units the best of several
    starts is then improved by moving single units. The cost is chi-squared-like: the squared deviations of a
    part's share of rows, and of positive rows, from its fraction, over the fraction.

    Args:
        units: `(n,)` number of the unit each row belongs to, 0 to u - 1.
        y: `(n,)` labels 0 and 1.
        fractions: of train and validation, and of test where there is one; they sum to 1.
        seed: of the random order.
        noun: what a unit is called in messages.

    Returns:
        `(u,)` part of each unit, 0 being train. Every part holds rows of both classes.

    Raises:
        RunError: no allocation gives every part both classes.
    """
    sizes = np.bincount(units)
    positives = np.bincount(units, weights=y).astype(np.int64)
    _check_enough_units(sizes, positives, len(fractions), noun)
    shares = np.stack([sizes / sizes.sum(), positives / positives.sum()], axis=1)
    kinds = np.stack([positives > 0, positives < sizes], axis=1)
    rng = np.random.default_rng(seed)
    wanted = np.array(fractions)
    few = len(sizes) <= CLIMBED_UNITS
    best = _greedy(sizes, shares, kinds, wanted, rng)
    best_cost = float("inf")
    for _ in range(RESTARTS if few else 0):
        parts = _climbed(_greedy(sizes, shares, kinds, wanted, rng), shares, kinds, wanted)
        cost = float(_cost(*_totals(parts, shares, kinds, len(wanted)), wanted))
        if cost < best_cost - 1e-12:
            best, best_cost = parts, cost
    return best


def _check_enough_units(
    sizes: NDArray[np.int64], positives: NDArray[np.int64], parts: int, noun: str
) -> None:
    """A part needs one unit with both classes, or one of each class."""
    mixed = int(np.count_nonzero((positives > 0) & (positives < sizes)))
    pure_positive = int(np.count_nonzero(positives == sizes))
    pure_negative = int(np.count_nonzero(positives == 0))
    if mixed + min(pure_positive, pure_negative) < parts:
        names = f"{', '.join(PARTS[: parts - 1])} and {PARTS[parts - 1]}"
        raise RunError(
            f"each of {names} needs positive and negative rows from {noun}s of its own, "
            f"but of {len(sizes)} {noun}s {mixed} hold both classes, {pure_positive} positive rows alone "
            f"and {pure_negative} negative rows alone; add data, or merge fewer rows into one {noun}"
        )


def _greedy(
    sizes: NDArray[np.int64],
    shares: NDArray[np.float64],
    kinds: NDArray[np.bool_],
    wanted: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """A random start with both classes everywhere, then the largest units first, where they cost least."""
    order = rng.permutation(len(sizes))
    parts = np.full(len(sizes), -1, dtype=np.int8)
    for part, chosen in enumerate(_first_units(order, sizes, kinds, len(wanted))):
        parts[chosen] = part
    order = order[np.argsort(-sizes[order], kind="stable")]
    totals = [
        [float(shares[parts == part, column].sum()) for column in range(2)] for part in range(len(wanted))
    ]
    # Plain floats: with 100,000 units of one row each, numpy's overhead per unit would be most of the time.
    fractions, listed, placed = wanted.tolist(), shares.tolist(), parts.tolist()
    for unit in order.tolist():
        if placed[unit] >= 0:
            continue
        rows, positive = listed[unit]
        costs = [
            (rows * (2 * (have[0] - f) + rows) + positive * (2 * (have[1] - f) + positive)) / f
            for have, f in zip(totals, fractions, strict=True)
        ]
        part = costs.index(min(costs))
        placed[unit] = part
        totals[part][0] += rows
        totals[part][1] += positive
    return np.array(placed, dtype=np.int8)


def _first_units(
    order: NDArray[np.int64], sizes: NDArray[np.int64], kinds: NDArray[np.bool_], parts: int
) -> list[list[int]]:
    """Units that give every part both classes, the small ones to the later parts, which are small."""
    mixed = order[kinds[order].all(axis=1)][:parts]
    singles = parts - len(mixed)
    positive = order[kinds[order, 0] & ~kinds[order, 1]][:singles]
    negative = order[~kinds[order, 0] & kinds[order, 1]][:singles]
    chosen = [[int(unit)] for unit in mixed] + [
        [int(one), int(other)] for one, other in zip(positive, negative, strict=True)
    ]
    return sorted(chosen, key=lambda units: -int(sizes[units].sum()))


def _climbed(
    parts: NDArray[np.int8],
    shares: NDArray[np.float64],
    kinds: NDArray[np.bool_],
    wanted: NDArray[np.float64],
) -> NDArray[np.int8]:
    """Moves one unit at a time to another part, always the move that saves most, until none saves."""
    parts = parts.copy()
    units, among = np.arange(len(parts)), len(wanted)
    totals, counts = _totals(parts, shares, kinds, among)
    cost = _cost(totals, counts, wanted)
    for _ in range(MOST_MOVES):
        # All moves at once: (units, target part, parts, 2).
        moved_totals = np.broadcast_to(totals, (len(parts), among, among, 2)).copy()
        moved_counts = np.broadcast_to(counts, (len(parts), among, among, 2)).copy()
        moved_totals[units, :, parts] -= shares[:, None]
        moved_counts[units, :, parts] -= kinds[:, None]
        for part in range(among):
            moved_totals[:, part, part] += shares
            moved_counts[:, part, part] += kinds
        costs = _cost(moved_totals, moved_counts, wanted)
        unit, part = divmod(int(np.argmin(costs)), among)
        if costs[unit, part] >= cost - 1e-12:
            break
        parts[unit] = part
        totals, counts, cost = moved_totals[unit, part], moved_counts[unit, part], costs[unit, part]
    return parts


def _totals(
    parts: NDArray[np.int8], shares: NDArray[np.float64], kinds: NDArray[np.bool_], among: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of each part its shares of rows and positives, and its units with positives and with negatives.

    Returns:
        Two arrays `(among, 2)`.
    """
    masks = [parts == part for part in range(among)]
    return np.array([shares[m].sum(axis=0) for m in masks]), np.array([kinds[m].sum(axis=0) for m in masks])


def _cost(
    totals: NDArray[np.float64], counts: NDArray[np.int64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    deviation = ((totals - wanted[:, None]) ** 2 / wanted[:, None]).sum(axis=(-2, -1))
    lonely = (counts[..., 1, 0] < 2) & (counts[..., :, 0].sum(axis=-1) >= 4)
    return np.asarray(deviation + MISSING * (counts == 0).sum(axis=(-2, -1)) + LONELY * lonely)
