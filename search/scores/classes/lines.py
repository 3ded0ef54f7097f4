"""Sweeps one offset of K classes: what every rule makes of all cuts of one class's margin, from one sort."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.classes.decisions import winners
from search.scores.metrics import F64
from search.scores.ranking import Ranked, ranked
from spaces import policies as rules

TIE = 1e-12
"""Merits closer than this, as a share of the largest, are equal: sums are rounded, and one row makes more."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows whose offsets are sought, and what is to be made largest.

    Args:
        score: float64 `(K, n)`.
        y: places of classes `(n,)`.
        weight: of the rows `(n,)`, above 0; None if 1 each.
        rule: any but `argmax`.
        costs: of a `cost` rule, `(K, K)`; see `CostMatrix`.
        held, recall: the class whose recall a `recall_at` rule keeps, and its least.
    """

    score: F64
    y: NDArray[np.intp]
    weight: F64 | None
    rule: rules.ClassRule
    costs: F64 | None = None
    held: int | None = None
    recall: float = 1.0

    @property
    def actual(self) -> F64:
        """The weight of each class, `(K,)`."""
        return np.bincount(self.y, self.weight, len(self.score)).astype(np.float64)

    def line(self, k: int, offsets: F64) -> "Line | None":
        """The line of one class's offset; None where none of the others can be decided."""
        others, other = winners(self.score + offsets[:, None], but=k)
        if np.isneginf(others[0]):
            return None
        rows = ranked((self.score[k] - others).astype(np.float32))
        weight = None if self.weight is None else self.weight[rows.order]
        return Line(k, rows, self.y[rows.order], other[rows.order], weight, self)

    def merit(self, decided: NDArray[Any]) -> float:
        """What the rule says of decisions `(n,)`."""
        size, weight = len(self.score), self.weight
        right = (decided == self.y).astype(np.float64)
        tally = Tally(
            right=np.bincount(self.y, right if weight is None else right * weight, size).astype(np.float64),
            decided=np.bincount(decided, weight, size).astype(np.float64),
            actual=self.actual,
            cost=None if self.costs is None else _total(self.costs[self.y, decided], weight),
        )
        return float(MERITS[type(self.rule)](tally, self))


@dataclass(frozen=True, eq=False)
class Tally:
    """What decisions come to, at one or many cuts.

    Args:
        right, decided: as in `ClassCounts`, float64 `(K, ...)`.
        actual: likewise, `(K,)`.
        cost: the sum of costs, `(...)`; None where none is asked for.
    """

    right: F64
    decided: F64
    actual: F64
    cost: F64 | None


@dataclass(frozen=True, eq=False)
class Line:
    """The rows by their margin for one class: its score, less the largest score + offset of the others.

    A row is decided to be of the class where its margin reaches a cut, which is minus the class's offset.

    Args:
        of: the class.
        rows: the order of the margins.
        y, other: class, and best of the other classes, in that order `(n,)`.
        weight: in that order, or None.
        problem: whose line this is.
    """

    of: int
    rows: Ranked
    y: NDArray[np.intp]
    other: NDArray[np.intp]
    weight: F64 | None
    problem: Problem

    def merits(self) -> F64:
        """What the rule says of every cut, `(m + 1,)`, -inf first; NaN where a cut is out of the question."""
        return MERITS[type(self.problem.rule)](self._tally(), self.problem)

    def recall(self) -> F64:
        """The recall of the class at every cut, `(m + 1,)`."""
        missed = self.rows.below(self._amounts(self.y == self.of)).astype(np.float64)
        return np.asarray((missed[-1] - missed) / missed[-1])

    def _amounts(self, rows: NDArray[np.bool_]) -> NDArray[Any]:
        return rows if self.weight is None else rows * self.weight

    def _tally(self) -> Tally:
        classes = np.arange(len(self.problem.score))[:, None]
        theirs = self.other == classes
        decided = self.rows.below(self._amounts(theirs)).astype(np.float64)
        right = self.rows.below(self._amounts(theirs & (self.y == self.other))).astype(np.float64)
        for counts, mine in (
            (decided, np.ones(self.y.size, np.bool_)),
            (right, self.y == self.of),
        ):
            below = self.rows.below(self._amounts(mine))
            counts[self.of] = below[-1] - below
        costs = self.problem.costs
        cost = None
        if costs is not None:
            below, above = (
                self.rows.below(c if self.weight is None else c * self.weight)
                for c in (costs[self.y, self.other], costs[self.y, self.of])
            )
            cost = below + (above[-1] - above)
        return Tally(right, decided, self.problem.actual, cost)


def _total(amount: F64, weight: F64 | None) -> F64:
    return np.asarray(amount.sum() if weight is None else amount @ weight)


def _macro_f1(tally: Tally, _problem: Problem) -> F64:
    whole = tally.decided + tally.actual.reshape(-1, *[1] * (tally.decided.ndim - 1))
    return np.asarray((2 * tally.right / whole).mean(axis=0))


def _mean_recall(tally: Tally, _problem: Problem) -> F64:
    return np.asarray((1 / tally.actual) @ tally.right / len(tally.actual))


def _cost(tally: Tally, _problem: Problem) -> F64:
    return np.asarray(-tally.cost) if tally.cost is not None else np.asarray(np.nan)


def _at_recall(tally: Tally, problem: Problem) -> F64:
    reached = tally.right[problem.held] / tally.actual[problem.held] >= problem.recall
    return np.where(reached, _macro_f1(tally, problem), np.nan)


MERITS: dict[type[rules.ClassRule], Callable[[Tally, Problem], F64]] = {
    rules.MaxMacroF1: _macro_f1,
    rules.MaxMeanRecall: _mean_recall,
    rules.CostMatrix: _cost,
    rules.RecallAt: _at_recall,
}
"""What each rule but `argmax` makes largest; NaN where it is not kept."""


def best_of(merits: F64) -> NDArray[np.intp]:
    """The numbers of the best cuts, ascending; none where no merit is defined."""
    top = np.fmax.reduce(merits)
    return np.flatnonzero(merits >= top - TIE * np.fmax.reduce(np.abs(merits)))
