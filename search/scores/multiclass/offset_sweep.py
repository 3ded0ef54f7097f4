"""Sweeps one offset of K classes: what every rule makes of all cuts of one class's margin, from one sort."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import F64
from search.scores.multiclass.decisions import winners
from search.scores.ranking import Ranked, ranked
from spaces import policies as rules

TIE = 1e-12
"""Merits closer than this, as a share of the largest, are equal: sums are rounded, and one row makes more."""

MANY = 16
"""Classes from which on the best of them is looked for row by row."""
FARTHEST = 2.0**120
"""Margins beyond are cut off here, so that a cut beyond all of them is still a float32."""


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

    @cached_property
    def actual(self) -> F64:
        """The weight of each class, `(K,)`."""
        return np.bincount(self.y, self.weight, len(self.score)).astype(np.float64)

    def line(self, k: int, offsets: F64) -> "Line | None":
        """The line of one class's offset; None where none of the others can be decided."""
        others, other = self._best_of_others(k, offsets)
        if np.isneginf(others[0]):
            return None
        margin = np.clip(self.score[k] - others, -FARTHEST, FARTHEST)
        rows = ranked(margin.astype(np.float32))
        weight = None if self.weight is None else self.weight[rows.order]
        return Line(k, rows, self.y[rows.order], other[rows.order], weight, self)

    def _best_of_others(self, k: int, offsets: F64) -> tuple[F64, NDArray[Any]]:
        """What `winners` says without class k; of many classes found row by row, which is faster."""
        size = len(self.score)
        if size < MANY:
            return winners(self.score + offsets[:, None], but=k)
        shifted = self._from_last + offsets[::-1]
        shifted[:, size - 1 - k] = -np.inf
        place = shifted.argmax(axis=1)  # the first of equal ones, which is the later class
        largest = np.take_along_axis(shifted, place[:, None], axis=1)[:, 0]
        return largest, (size - 1 - place).astype(np.min_scalar_type(size))

    @cached_property
    def _from_last(self) -> F64:
        """The scores by row, the last class first, `(n, K)`."""
        return np.ascontiguousarray(self.score[::-1].T)

    def merit(self, decided: NDArray[Any]) -> float:
        """What the rule says of decisions `(n,)`, but for a recall that is to be held."""
        weight = np.ones(self.y.size) if self.weight is None else self.weight
        if self.costs is not None:
            return float(-(weight @ self.costs[self.y, decided]))
        right = np.bincount(self.y, weight * (decided == self.y), len(self.score))
        if isinstance(self.rule, rules.MaxMeanRecall):
            return float((right / self.actual).mean())
        if isinstance(self.rule, rules.MaxMacroF1 | rules.RecallAt):
            return float((2 * right / (np.bincount(decided, weight, len(self.score)) + self.actual)).mean())
        raise TypeError(f"{self.rule.policy} has no merit of decisions")


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
    other: NDArray[Any]
    weight: F64 | None
    problem: Problem

    def merits(self) -> F64:
        """What the rule says of every cut, `(m + 1,)`, -inf first; NaN where a cut is out of the question."""
        return MERITS[type(self.problem.rule)](self)

    def recall(self) -> F64:
        """The recall of the class at every cut, `(m + 1,)`."""
        missed = self.below(self.y == self.of)
        return np.asarray((missed[-1] - missed) / missed[-1])

    def below(self, rows: NDArray[Any]) -> F64:
        """Weighted sums of `(n,)` over the rows below each cut, `(m + 1,)`."""
        return self.rows.below(rows if self.weight is None else rows * self.weight).astype(np.float64)


def _mean_recall(line: Line) -> F64:
    """Each row below a cut takes its share from this class, if it is of it, or gives it to another."""
    gained = (line.y == line.other) / line.problem.actual[line.other]
    lost = (line.y == line.of) / line.problem.actual[line.of]
    return np.asarray((1 + line.below(gained - lost)) / len(line.problem.score))


def _cost(line: Line) -> F64:
    costs = line.problem.costs
    if costs is None:
        raise ValueError("a rule of costs needs them")
    as_this = costs[line.y, line.of]
    whole = as_this.sum() if line.weight is None else as_this @ line.weight
    return np.asarray(-whole - line.below(costs[line.y, line.other] - as_this))


def _macro_f1(line: Line) -> F64:
    """The F1 of this class at every cut, and that of the others as the running sum of what each row adds."""
    actual, of, n = line.problem.actual, line.of, line.y.size
    by_other = np.argsort(line.other, kind="stable")  # the rows of each class, by margin
    other = line.other[by_other]
    first = np.flatnonzero(np.concatenate([[True], other[1:] != other[:-1]]))
    sizes = np.diff(first, append=n)
    weight = np.ones(n) if line.weight is None else line.weight[by_other]
    decided, right = np.cumsum(weight), np.cumsum(weight * (line.y[by_other] == other))
    for sums in (decided, right):
        sums -= np.repeat(np.concatenate([[0.0], sums])[first], sizes)
    f1 = 2 * right / (decided + actual[other])
    added = np.diff(f1, prepend=0.0)
    added[first] = f1[first]
    gains = np.empty(n)
    gains[by_other] = added
    found, mine = line.below(line.y == of), line.below(np.ones(n, np.bool_))
    own = 2 * (found[-1] - found) / (mine[-1] - mine + actual[of])
    return np.asarray((own + line.rows.below(gains)) / actual.size)


def _at_recall(line: Line) -> F64:
    """As `_macro_f1`, where the class whose recall is held keeps it."""
    problem, held = line.problem, line.problem.held
    mine = line.y == held
    if line.of == held:
        found = line.below(mine)
        reached = (found[-1] - found) / problem.actual[held] >= problem.recall
    else:
        reached = line.below(mine & (line.other == held)) / problem.actual[held] >= problem.recall
    return np.where(reached, _macro_f1(line), np.nan)


MERITS: dict[type[rules.ClassRule], Callable[[Line], F64]] = {
    rules.MaxMacroF1: _macro_f1,
    rules.MaxMeanRecall: _mean_recall,
    rules.CostMatrix: _cost,
    rules.RecallAt: _at_recall,
}
"""What each rule but `argmax` makes largest, at every cut of a line; NaN where it is not kept."""


def best_of(merits: F64) -> NDArray[np.intp]:
    """The numbers of the best cuts, ascending; none where no merit is defined."""
    top = np.fmax.reduce(merits)
    return np.flatnonzero(merits >= top - TIE * np.fmax.reduce(np.abs(merits)))
