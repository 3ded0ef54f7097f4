"""Deals units to the parts of a split so that each has rows of every class, or of both sides of a label."""

import numpy as np
from numpy.typing import NDArray

from search.data.rows import PARTS
from search.data.task_labels import Strata
from spaces.errors import RunError, first_of

RESTARTS = 20
"""Random starts, of which the best is taken, where there are few units."""
FEW_UNITS = 1000
CHANCES = 500
"""Random allocations that are tried where no start gave every part all of them."""
NAMED = 3
"""Classes that a message names."""
MISSING = 1000.0
"""Cost of a part without a class: more than any deviation from the fractions."""
LONELY = 1.0
"""Cost of validation with one unit of a class: cross-fitting wants one in each half."""


def allocate(
    units: NDArray[np.int64],
    strata: Strata,
    fractions: tuple[float, ...],
    seed: int,
    noun: str,
    remedy: str = "",
) -> NDArray[np.int8]:
    """Gives every unit to one of a few parts.

    First each part gets a unit of every class, the rarest class first; then the largest units go where they
    cost least: the squared deviations of a part's share of rows, and of each class's rows, from its fraction.

    Args:
        units: `(n,)` number of the unit each row belongs to, 0 to u - 1.
        strata: what each part needs rows of, `(n, s)` with s names.
        fractions: of train and validation, and of test where there is one; they sum to 1.
        seed: of the random order.
        noun: what a unit is called in messages.
        remedy: what to do where there are too few units, if not what is usual.

    Returns:
        `(u,)` part of each unit, 0 being train.

    Raises:
        RunError: no allocation gives every part all of them; says which live in too few units.
    """
    has, names = strata
    sizes = np.bincount(units)
    rows = np.zeros((len(sizes), len(names)))
    for k in range(len(names)):
        rows[:, k] = np.bincount(units, weights=has[:, k], minlength=len(sizes))
    needed = rows > 0
    _check_enough(needed, names, len(fractions), noun, remedy)
    # A class weighs little beside the rows as a whole, or many of them would leave no part its size.
    of_all = rows / np.maximum(1, rows.sum(axis=0)) / np.sqrt(max(1, len(names)))
    shares = np.hstack([(sizes / sizes.sum())[:, None], of_all])
    rng, wanted = np.random.default_rng(seed), np.array(fractions)
    target = wanted[:, None] * shares.sum(axis=0)
    best, best_cost = np.zeros(len(sizes), np.int8), np.inf
    for _ in range(RESTARTS if len(sizes) <= FEW_UNITS else 1):
        parts = _dealt(sizes, shares, needed, target, wanted, rng)
        cost = _cost(parts, shares, needed, target, wanted)
        if cost < best_cost:
            best, best_cost = parts, cost
    for _ in range(CHANCES if best_cost >= MISSING and len(sizes) <= FEW_UNITS else 0):
        parts = rng.choice(len(wanted), len(sizes), p=wanted).astype(np.int8)
        cost = _cost(parts, shares, needed, target, wanted)
        if cost < best_cost:
            best, best_cost = parts, cost
    if best_cost >= MISSING:
        raise RunError(
            f"each of {_listed(len(fractions))} needs rows of every class and label, but no way was found to "
            f"deal out {len(sizes)} {noun}s so; {remedy or 'add data, or leave out the rarest'}"
        )
    return best


def check_parts(parts: NDArray[np.int8], strata: Strata, remedy: str = "") -> None:
    """Refuses parts that lack a class, or a side of a label.

    Raises:
        RunError: naming the part, and what it lacks.
    """
    has, names = strata
    for number, part in enumerate(PARTS):
        present = has[parts == number].any(axis=0)
        if not present.all():
            lacking = [name for name, there in zip(names, present, strict=True) if not there]
            raise RunError(
                f"each of train, validation and test needs rows of every class and label, but {part} has "
                f"none of {first_of(lacking, NAMED)}{remedy}"
            )


def _check_enough(
    needed: NDArray[np.bool_], names: tuple[str, ...], parts: int, noun: str, remedy: str
) -> None:
    counts = needed.sum(axis=0)
    few = [(name, int(count)) for name, count in zip(names, counts, strict=True) if count < parts]
    if few:
        said = (f"{name} lives in {count} {noun}{'s'[: count > 1]}" for name, count in few)
        raise RunError(
            f"each of {_listed(parts)} needs rows of every class and label from {noun}s of its own, but of "
            f"{len(needed)} {noun}s {first_of(said, NAMED)}; "
            + (remedy or "add data, merge classes, or leave them out")
        )


def _listed(parts: int) -> str:
    return f"{', '.join(PARTS[: parts - 1])} and {PARTS[parts - 1]}"


def _dealt(
    sizes: NDArray[np.int64],
    shares: NDArray[np.float64],
    needed: NDArray[np.bool_],
    target: NDArray[np.float64],
    wanted: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    parts = np.full(len(sizes), -1, dtype=np.int8)
    totals = np.zeros_like(target)
    present = np.zeros((len(wanted), needed.shape[1]), dtype=np.int64)
    order = rng.permutation(len(sizes))

    def give(unit: int, part: int) -> None:
        parts[unit] = part
        totals[part] += shares[unit]
        present[part] += needed[unit]

    small_first = order[np.argsort(sizes[order], kind="stable")]
    for stratum in np.argsort(needed.sum(axis=0), kind="stable"):
        for part in sorted(range(len(wanted)), key=lambda number: wanted[number]):
            if present[part, stratum]:
                continue
            free = small_first[(parts[small_first] < 0) & needed[small_first, stratum]]
            if len(free):
                # Of those that have it, the one that brings most of what else the part lacks.
                gain = (needed[free] & (present[part] == 0)).sum(axis=1)
                give(int(free[np.argmax(gain)]), part)
    for unit in order[np.argsort(-sizes[order], kind="stable")]:
        if parts[unit] < 0:
            share = shares[unit]
            costs = (share * (2 * (totals - target) + share)).sum(axis=1) / wanted
            give(int(unit), int(np.argmin(costs)))
    return parts


def _cost(
    parts: NDArray[np.int8],
    shares: NDArray[np.float64],
    needed: NDArray[np.bool_],
    target: NDArray[np.float64],
    wanted: NDArray[np.float64],
) -> float:
    each = [parts == number for number in range(len(wanted))]
    totals = np.array([shares[mine].sum(axis=0) for mine in each])
    counts = np.array([needed[mine].sum(axis=0) for mine in each])
    deviation = float(((totals - target) ** 2 / wanted[:, None]).sum())
    lonely = int(np.sum((counts[1] < 2) & (counts.sum(axis=0) > len(wanted))))
    return deviation + MISSING * int(np.sum(counts == 0)) + LONELY * lonely
