"""Chooses the offsets of K classes: exact sweeps of one offset at a time, from several starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import F64
from search.scores.multiclass.decisions import F32, codes, decide_classes
from search.scores.multiclass.offset_sweep import MERITS, TIE, Line, Problem, best_of
from search.scores.ranking import weights
from search.scores.thresholds import Choice, choose, curve, cut_number, longest_run
from spaces import policies as rules
from spaces.base import Label
from spaces.errors import TrialError, first_of

MOST_STARTS, LEAST_STARTS, WORK = 32, 2, 300_000
"""How many starts there are: starts x rows x classes stay about `WORK`. Of 8 to 30 random rows of three
classes 98 of 100 choices or more are the best of all, and of more rows little is left to gain
(tests/benchmarks/LOG.md)."""


@dataclass(frozen=True)
class ClassChoice:
    """The offsets of K classes, and how far each alone could move without changing what its rule looks at.

    Args:
        offsets: float32 values that sum to zero, -inf (of a class never decided) left out.
        low, high: of each class: every offset between is as good by the rule, the others held.
        reject_below: see `decide_classes`.
    """

    offsets: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reject_below: float | None = None

    def decide(self, score: F32) -> NDArray[np.int16]:
        """The class of each row of scores `(n, K)`, see `decide_classes`."""
        return decide_classes(score, np.array(self.offsets, np.float32), self.reject_below)


def choose_offsets(
    y: NDArray[Any], score: F32, rule: rules.ClassRule, classes: Sequence[Label], weight: F64 | None = None
) -> ClassChoice:
    """The offsets that a rule chooses; what `reject_below` leaves undecided is not looked at.

    One offset after the other is swept over all cuts of its class's margin (a row changes to or from the
    class at one of them), until none improves the merit; then every offset is put into the middle of its
    plateau, as `thresholds.choose` does. Of several starts (no offsets; those that undo the shares of the
    classes; random ones) the best end counts. With two classes there is one line, and the choice is exactly
    that of a threshold on the difference of the scores.

    Args:
        y: places of classes `(n,)`, n >= 1.
        score: finite, float32 `(n, K)`.
        rule: the rule.
        classes: the label values of the K classes, in order.
        weight: `(n,)`, at least 0; a row of weight 0 is as good as absent.

    Raises:
        TrialError: a score is NaN or infinite, or there are no rows of a class.
        RunError: the rule names a class that is none, or has costs of another number of classes.
        ValueError, TypeError: shapes that differ, labels that are no places, scores not float32.
    """
    y = codes(y, score)
    if not np.isfinite(score).all():
        raise TrialError(f"scores must be finite, but got {int((~np.isfinite(score)).sum())} that are not")
    if weight is not None:
        weight = weights(weight, y)
        y, score, weight = y[weight > 0], score[weight > 0], weight[weight > 0]
    if isinstance(rule, rules.Argmax):
        problem = Problem(score.T.astype(np.float64), y, weight, rule)
        return _described(problem, np.zeros(len(classes)), rule)
    costs = np.array(rule.of(classes)) if isinstance(rule, rules.CostMatrix) else None
    held = rule.code(classes) if isinstance(rule, rules.RecallAt) else None
    recall = rule.recall if isinstance(rule, rules.RecallAt) else 1.0
    problem = Problem(score.T.astype(np.float64), y, weight, rule, costs, held, recall)
    if costs is None:
        absent = np.flatnonzero(problem.actual == 0)
        if absent.size:
            names = first_of((repr(classes[k]) for k in absent.tolist()), 10)
            raise TrialError(f"{rule.policy} needs rows of every class, but got none of {names}")
    twin = _twin(rule) if len(classes) == 2 else None
    if twin is not None:
        choice = choose(curve(y, score[:, 1] - score[:, 0], weight), twin)
        return _of_two(choice, rule.reject_below)
    found = [_ascend(problem, start) for start in _starts(problem)]
    merits = [problem.merit(decide_classes(score, _zero_sum(end).astype(np.float32))) for _, end in found]
    return _described(problem, _centred(problem, *found[int(np.argmax(merits))]), rule)


def _twin(rule: rules.ClassRule) -> rules.Chosen | None:
    """The rule of a single threshold that says the same of two classes."""
    if isinstance(rule, rules.MaxMeanRecall):
        return rules.MaxBalancedAccuracy(policy="max_balanced_accuracy")
    if isinstance(rule, rules.CostMatrix):
        c_fp, c_fn = rule.costs[0][1], rule.costs[1][0]
        return rules.Cost(policy="cost", c_fp=c_fp, c_fn=c_fn) if c_fp and c_fn else None
    return None


def offsets_of(threshold_score: float) -> tuple[float, float]:
    """The offsets of two classes that decide as one threshold on the difference of their scores."""
    if np.isinf(threshold_score):
        return (0.0, -np.inf) if threshold_score > 0 else (-np.inf, 0.0)
    return threshold_score / 2, -threshold_score / 2


def _of_two(choice: Choice, reject_below: float | None) -> ClassChoice:
    """A threshold's choice as offsets; either may move by as much as the threshold may."""
    t, offsets = choice.threshold_score, offsets_of(choice.threshold_score)
    if t == np.inf:
        low, high = (-np.inf, -np.inf), (np.inf, -choice.low)
    elif t == -np.inf:
        low, high = (-np.inf, -np.inf), (choice.high, np.inf)
    else:
        down, up = t - choice.low, choice.high - t
        low, high = (offsets[0] - down, offsets[1] - up), (offsets[0] + up, offsets[1] + down)
    return ClassChoice(offsets, low, high, reject_below)


def _starts(problem: Problem) -> list[F64]:
    """Where to begin: no offsets, those that undo the shares of the classes, and random ones.

    The random ones go to the classes in the order of `_turn`: the order of the classes does not matter.
    """
    size, n = problem.score.shape
    if size == 2:
        return [np.zeros(2)]
    many = int(np.clip(WORK // (size * n), LEAST_STARTS, MOST_STARTS))
    shares = np.maximum(problem.actual / problem.actual.sum(), 0.5 / n)
    spread = 2 * float(problem.score.std())
    rng, turn = np.random.default_rng(0), _turn(problem)
    starts = [np.zeros(size), -np.log(shares)]
    for _ in range(many - 2):
        start = np.zeros(size)
        start[turn] = rng.normal(size=len(turn)) * spread
        starts.append(start)
    return starts


def _turn(problem: Problem) -> list[int]:
    """In which order classes are swept: by their rows, not by their place; of two the later alone.

    A class whose recall is held is not swept: its offset follows from the others.
    """
    order = [1] if len(problem.score) == 2 else np.lexsort([problem.score.sum(axis=1), problem.actual])
    if problem.held is not None and len(problem.score) == 2:
        return []
    return [int(k) for k in order if k != problem.held]


def _ascend(problem: Problem, start: F64) -> tuple[float, F64]:
    """The merit and the offsets where no sweep of any one offset improves them."""
    merit, offsets = _tightened(problem, -np.inf, start)
    turn = _turn(problem)
    since = k = 0
    while since < len(turn):
        line = problem.line(turn[k], offsets)
        since += 1
        if line is not None:
            merits = line.merits()
            best = best_of(merits)
            if best.size and _above(merits[best[0]], merit):
                first, last = longest_run(best)
                then = offsets.copy()
                then[turn[k]] = -_finite_cut(line, (first + last) // 2)
                value, then = _tightened(problem, float(merits[best[0]]), then)
                if _above(value, merit):
                    merit, offsets, since = value, then, 1
        k = (k + 1) % len(turn)
    return merit, offsets


def _above(merit: float, other: float) -> bool:
    return bool(merit > other + TIE * abs(other)) if np.isfinite(other) else bool(merit > other)


def _tightened(problem: Problem, merit: float, offsets: F64) -> tuple[float, F64]:
    """With the least offset of the held class that reaches its recall; as they are where none is held."""
    if problem.held is None:
        return merit, offsets
    held = _held(problem, offsets)
    if held is None:  # no other class is left to be decided, and no offset of this one is the least
        return -np.inf, offsets
    line, highest = held
    offsets = offsets.copy()
    offsets[line.of] = -_finite_cut(line, highest)
    return float(line.merits()[highest]), offsets


def _held(problem: Problem, offsets: F64) -> tuple[Line, int] | None:
    """The line of the held class and the number of the highest cut that reaches its recall; None without."""
    line = None if problem.held is None else problem.line(problem.held, offsets)
    if line is None:
        return None
    return line, int(np.flatnonzero(line.recall() >= problem.recall)[-1])


def _finite_cut(line: Line, number: int) -> float:
    """A cut, or one far beyond all margins instead of an infinite one: the search goes on from there."""
    cut = cut_number(line.rows.scores, number)
    if np.isfinite(cut):
        return cut
    low, high = float(line.rows.scores[0]), float(line.rows.scores[-1])
    return high + (1 + high - low) if cut > 0 else low - (1 + high - low)


def _centred(problem: Problem, merit: float, offsets: F64) -> F64:
    """As good offsets, each in the middle of its plateau; -inf of classes that no row is to be decided as."""
    for k in _turn(problem):
        line = problem.line(k, offsets)
        if line is None:
            continue
        merits = line.merits()
        best = best_of(merits)
        if best.size == 0:
            continue
        first, last = longest_run(best)
        number = (first + last) // 2
        then = _always(offsets, k) if number == 0 else offsets.copy()
        if number:
            then[k] = -cut_number(line.rows.scores, number)
        value, then = _tightened(problem, float(merits[number]), then)
        if not _above(merit, value):
            offsets = then
    held = _held(problem, offsets)
    return _always(offsets, held[0].of) if held is not None and held[1] == 0 else offsets


def _always(offsets: F64, k: int) -> F64:
    """The offsets that decide every row to be of one class."""
    return np.where(np.arange(offsets.size) == k, 0.0, -np.inf)


def _zero_sum(offsets: F64) -> F64:
    """The offsets as float32 values that sum to exactly zero, those of -inf left out."""
    some = np.isfinite(offsets)
    finite = offsets[some] - offsets[some].mean()
    moved = finite.astype(np.float32).astype(np.float64)
    if moved.sum():
        # On a grid that leaves the last of them digits enough, too.
        step = 2.0 ** (np.frexp(np.abs(moved).max())[1] - 23)
        moved = np.round(finite / step) * step
        moved[-1] = -moved[:-1].sum()
    found = offsets.copy()
    found[some] = moved + 0.0  # no -0.0
    return found


def _described(problem: Problem, offsets: F64, rule: rules.ClassRule) -> ClassChoice:
    """The choice with its plateaus; of `argmax` and of a held recall, how far nothing at all changes."""
    offsets = _zero_sum(offsets)
    low, high = np.full(offsets.size, -np.inf), np.full(offsets.size, np.inf)
    for k in range(offsets.size):
        line = problem.line(k, offsets)
        if line is None:
            continue
        scores = line.rows.scores
        first = last = int(np.searchsorted(scores, np.float32(-offsets[k])))
        if k != problem.held and type(rule) in MERITS:
            best = best_of(line.merits())
            place = int(np.searchsorted(best, first))
            if place < best.size and best[place] == first:
                # A run of neighbours: their numbers rise by as much as their places.
                run = best[best - np.arange(best.size) == first - place]
                first, last = int(run[0]), int(run[-1])
        high[k] = -scores[first - 1] if first > 0 else np.inf
        low[k] = -scores[last] if last < scores.size else -np.inf
    return ClassChoice(tuple(offsets.tolist()), tuple(low.tolist()), tuple(high.tolist()), rule.reject_below)
