"""Deals groups to folds, about equal in what the task wants equal, and says what no fold could do without."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from search.data.allocation import allocate
from search.data.rows import Rows
from search.data.stratified_allocation import FEW_UNITS, MISSING, RESTARTS
from search.data.stratified_allocation import NAMED as NAMED_CLASSES
from search.data.stratified_allocation import allocate as allocate_strata
from spaces.errors import RunError, first_of
from spaces.tasks import TASK_NAMES, TaskName

NAMED = 10
"""Groups that a message names."""
F64 = NDArray[np.float64]
_PARTS = 3
"""What wants groups of its own: a fold, training and validation."""


class Dealing(Protocol):
    """How groups become folds; what is made of the rows, and of the number of each row's group."""

    def check(self, k: int) -> None:
        """Refuses groups of which no k folds can be made.

        Raises:
            RunError: naming what lives in too few groups.
        """

    def dealt(self, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """The fold of each group, `(groups,)`, each of the k having one; 0 to k - 1 in any order."""

    def parts(
        self, taken: NDArray[np.bool_], units: NDArray[np.int64], fractions: tuple[float, float], seed: int
    ) -> NDArray[np.int8]:
        """Which groups of the rows that a fold does not hold out are trained on, 0, or validated on, 1.

        Args:
            taken: which rows these are, `(n,)`.
            units: the number of each one's group, from 0 without gaps.
            fractions: of train and validation.
            seed: of the random order.

        Raises:
            RunError: no part would have everything.
        """


class OfTwo:
    """Folds of rows of two classes; see `Dealing`.

    Args:
        rows: the rows.
        names: of the groups.
        units: the number of each row's group, `(n,)`.
    """

    def __init__(self, rows: Rows, names: NDArray[np.str_], units: NDArray[np.intp]) -> None:
        self._y, self._names, self._units = rows.y, names, units
        self._sizes = np.bincount(units)
        self._positives = np.bincount(units, weights=rows.y).astype(np.int64)

    def check(self, k: int) -> None:
        """See `Dealing`: training, validation and, in some fold, a held-out group want positives each."""
        positives, sizes = self._positives, self._sizes
        holding, holding_negatives = (positives > 0), (positives < sizes)
        if holding.sum() >= _PARTS and holding_negatives.sum() >= _PARTS:
            return
        raise RunError(
            "folds need three groups with positive rows and three with negative rows (one held out, one to "
            f"train on, one to fit the threshold on), but of {len(self._names)} groups "
            f"{self._listed(positives)} and {int(holding_negatives.sum())} hold negatives"
        )

    def dealt(self, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """See `Dealing`: the groups with most positives go first, then the largest."""
        sizes, positives = self._sizes, self._positives
        shares = np.stack([sizes / sizes.sum(), positives / positives.sum()], axis=1)
        order = rng.permutation(len(sizes))
        order = order[np.lexsort((-sizes[order], -positives[order]))]
        return _dealt(shares, np.empty((len(sizes), 0), np.bool_), order, k)

    def parts(
        self, taken: NDArray[np.bool_], units: NDArray[np.int64], fractions: tuple[float, float], seed: int
    ) -> NDArray[np.int8]:
        """See `Dealing`."""
        try:
            return allocate(units, self._y[taken], fractions, seed, "group")
        except RunError as error:
            mine, count = self._units[taken], len(self._names)
            positives = np.bincount(mine, weights=self._y[taken], minlength=count).astype(np.int64)
            raise RunError(f"of the others {self._listed(positives)}: {error}") from None

    def _listed(self, positives: NDArray[np.int64]) -> str:
        holding = self._names[positives > 0]
        return f"{len(holding)} hold positives ({first_of(holding, NAMED) or 'none'})"


class OfStrata:
    """Folds of rows of K classes, of K labels or of a number; see `Dealing`.

    Arguments are those of `OfTwo`. A number needs groups in every part, and nothing more.
    """

    def __init__(self, rows: Rows, names: NDArray[np.str_], units: NDArray[np.intp]) -> None:
        has, strata = rows.labels.strata(rows.y)
        self._sized = bool(strata)
        if not strata:
            has, strata = np.ones((len(rows), 1), np.bool_), ("a target",)
        self._has, self._strata = has, strata
        self._sizes = np.bincount(units)
        self._rows = np.stack([np.bincount(units, weights=of) for of in has.T], axis=1)

    def check(self, k: int) -> None:
        """See `Dealing`."""
        counts = (self._rows > 0).sum(axis=0)
        self._check(counts < _PARTS, counts, "", "")
        if k < _PARTS:
            # Three groups in two folds: one of these holds two of them out, and leaves one.
            self._check(counts == _PARTS, counts, f" in {k} folds", ", or make 3 folds or more (--k)")

    def _check(self, few: NDArray[np.bool_], counts: NDArray[np.int64], where: str, instead: str) -> None:
        if not few.any():
            return
        said = (
            f"{name} lives in {count} group{'s'[: count > 1]}{where}"
            for name, count, lacks in zip(self._strata, counts.tolist(), few.tolist(), strict=True)
            if lacks
        )
        needs, remedy = "groups", "add data of more groups"
        if self._sized:
            needs = "groups with rows of every class and label"
            remedy = "add data of more groups, merge classes, or leave them out"
        raise RunError(
            f"folds need three {needs} (one held out, one to train on, one to validate on), but of "
            f"{len(self._sizes)} groups {first_of(said, NAMED_CLASSES)}; {remedy}{instead}"
        )

    def dealt(self, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """See `Dealing`: the groups that hold most of any class go first, then the largest.

        Where groups are few, wholly random orders are tried, too, and the best of all is taken.
        """
        sizes, needed = self._sizes, self._rows > 0
        of_all = self._rows / self._rows.sum(axis=0)
        # As in `strata.allocate`, all classes together weigh as much as the rows.
        shares = np.hstack([(sizes / sizes.sum())[:, None], of_all / np.sqrt(len(self._strata))])
        best, best_cost = np.zeros(len(sizes), np.int64), np.inf
        for start in range(RESTARTS if len(sizes) <= FEW_UNITS else 1):
            order = rng.permutation(len(sizes))
            if start % 2 == 0:
                order = order[np.lexsort((-sizes[order], -of_all[order].max(axis=1)))]
            found = _dealt(shares, needed, order, k)
            cost = _cost(found, shares, needed, k)
            if cost < best_cost:
                best, best_cost = found, cost
        return best

    def parts(
        self, taken: NDArray[np.bool_], units: NDArray[np.int64], fractions: tuple[float, float], seed: int
    ) -> NDArray[np.int8]:
        """See `Dealing`."""
        return allocate_strata(units, (self._has[taken], self._strata), fractions, seed, "group")


def _dealt(shares: F64, needed: NDArray[np.bool_], order: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Gives each group to the fold that is furthest behind in what the group has.

    As an empty fold is behind every other, none stays empty.

    Args:
        shares: what folds are to have equal amounts of, `(groups, columns)`.
        needed: what two groups that a fold does not hold out must have, `(groups, s)`.
        order: the groups, in the order in which they are given away.
        k: how many folds.
    """
    totals, found = np.zeros((k, shares.shape[1])), np.zeros(len(shares), np.int64)
    held, most = np.zeros((k, needed.shape[1]), np.int64), needed.sum(axis=0) - (_PARTS - 1)
    for group in order:
        full = (held >= most) & needed[group]
        fold = int(np.argmin(totals @ shares[group] + MISSING * full.sum(axis=1)))
        found[group] = fold
        totals[fold] += shares[group]
        held[fold] += needed[group]
    return found


def _cost(found: NDArray[np.int64], shares: F64, needed: NDArray[np.bool_], k: int) -> float:
    totals = np.stack([shares[found == fold].sum(axis=0) for fold in range(k)])
    left = np.stack([needed[found != fold].sum(axis=0) for fold in range(k)])
    return float(np.square(totals).sum() + MISSING * int(np.sum(left < _PARTS - 1)))


DEALINGS: Mapping[TaskName, Callable[[Rows, NDArray[np.str_], NDArray[Any]], Dealing]] = MappingProxyType(
    {**dict.fromkeys(TASK_NAMES, OfStrata), "binary": OfTwo}
)
"""How folds are dealt, by the task."""
