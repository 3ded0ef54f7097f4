"""Deals units to the parts of a split so that each has rows of both classes."""

import numpy as np
from numpy.typing import NDArray

from search.data.rows import PARTS
from spaces.errors import RunError

RESTARTS = 20
CLIMBED_UNITS = 1000
"""Up to so many units an allocation is improved move by move; beyond, one greedy pass is near enough."""

MOST_MOVES = 300

MISSING = 1000.0
"""Cost of a part without a class: more than any deviation from the fractions."""

LONELY = 1.0
"""Cost of validation with one positive unit: thresholds are cross-fitted on halves, each wanting one."""


def allocate(
    units: NDArray[np.int64],
    y: NDArray[np.int8],
    fractions: tuple[float, ...],
    seed: int,
    noun: str,
    remedy: str = "",
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
        remedy: what to do where there are too few units, if not what is usual.

    Returns:
        `(u,)` part of each unit, 0 being train. Every part holds rows of both classes.

    Raises:
        RunError: no allocation gives every part both classes.
    """
    sizes = np.bincount(units)
    positives = np.bincount(units, weights=y).astype(np.int64)
    _check_enough_units(sizes, positives, len(fractions), noun, remedy)
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
    sizes: NDArray[np.int64], positives: NDArray[np.int64], parts: int, noun: str, remedy: str
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
            f"and {pure_negative} negative rows alone; "
            + (remedy or f"add data, or merge fewer rows into one {noun}")
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
