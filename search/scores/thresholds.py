"""Chooses thresholds: confusion counts at every cut from one sort, and the rules that pick a cut."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from search.scores.metrics import F64, METRICS, Counts, f_beta, precision, sensitivity, sigmoid
from search.scores.ranking import positives, ranked, weights
from spaces import policies as rules
from spaces.errors import TrialError

ROUNDING = 1e-12
"""What a mean or a root may miss a limit by that is reached: .6 and .7 have the mean .6499999999999999."""


class Bound(Protocol):
    """One metric's limit, which itself is good enough."""

    @property
    def metric(self) -> str: ...
    @property
    def bound(self) -> Literal["min", "max"]: ...
    @property
    def limit(self) -> float: ...


def short_of(bound: Bound, value: F64) -> F64:
    """How far values are from a limit, 0 where they meet it but for rounding; infinite where undefined."""
    short = bound.limit - value if bound.bound == "min" else value - bound.limit
    met = short <= ROUNDING * max(1.0, abs(bound.limit))
    return np.where(np.isnan(short), np.inf, np.where(met, 0.0, short))


@dataclass(frozen=True)
class Limits:
    """Limits that all have to be kept; none is kept by everything.

    Args:
        bounds: of names of METRICS, finite.
    """

    bounds: tuple[Bound, ...] = ()

    def kept(self, counts: Counts) -> NDArray[np.bool_]:
        """Whether each cut keeps all of them, of the shape of the counts; an undefined metric keeps none."""
        found = np.ones(np.shape(counts.tp), np.bool_)
        for one in self.bounds:
            found &= short_of(one, METRICS[one.metric](counts)) == 0
        return found

    def shortfall(self, counts: Counts) -> F64:
        """How far each cut falls short, summed in shares of each limit; infinite where undefined."""
        total = np.zeros(np.shape(counts.tp))
        for one in self.bounds:
            total = total + short_of(one, METRICS[one.metric](counts)) / (abs(one.limit) or 1)
        return total

    @property
    def rising(self) -> bool:
        """Whether a cut that keeps them still does with one error less.

        A correlation below 0 may fall then, and a `max` is there to forbid too much of a good thing.
        """
        return all(one.bound == "min" and one.metric != "mcc" for one in self.bounds)

    def __str__(self) -> str:
        return ", ".join(f"{one.metric}.{one.bound}={one.limit:g}" for one in self.bounds)


NO_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Curve:
    """Confusion counts at every cut that makes a difference.

    Args:
        cuts: float32 `(m + 1,)`, ascending: -inf, the midpoints between neighbouring scores, +inf.
        counts: counts of `score >= cut`, float64 `(m + 1,)` each.
        scores: the m distinct scores, float32 `(m,)`; `scores[k - 1] < cuts[k] <= scores[k]`.
    """

    cuts: NDArray[np.float32]
    counts: Counts
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class Choice:
    """A threshold, and how far it could move without changing what its rule looks at.

    Args:
        threshold_score: the threshold on the scale of the scores, a float32 value; may be infinite.
        threshold: sigmoid of it, in float64.
        low: every threshold in `(low, high]` is as good by the rule (-inf itself belongs to `low = -inf`).
        high: see `low`.
    """

    threshold_score: float
    threshold: float
    low: float
    high: float


def curve(y: NDArray[Any], score: NDArray[np.float32], weight: F64 | None = None) -> Curve:
    """Counts at every cut, by one sort; rows of one score move together.

    Args:
        y: 0/1 or bool `(n,)`, n >= 1.
        score: finite, float32 `(n,)`.
        weight: `(n,)`, at least 0; a row of weight 0 is as good as absent.

    Raises:
        TrialError: a score is NaN or infinite.
        ValueError, TypeError: shapes that differ, labels other than 0/1, scores not float32.
    """
    positive = positives(y, score)
    if weight is not None:
        weight = weights(weight, score)
        counted = weight > 0
        positive, score, weight = positive[counted], score[counted], weight[counted]
    rows = ranked(score)
    positive = positive[rows.order]
    if weight is None:
        fn = rows.below(positive).astype(np.float64)
        tn = rows.ends - fn
    else:
        weight = weight[rows.order]
        fn, tn = rows.below(weight * positive), rows.below(weight * ~positive)
    return Curve(cuts_of(rows.scores), Counts(tp=fn[-1] - fn, fp=tn[-1] - tn, tn=tn, fn=fn), rows.scores)


def cuts_of(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cuts `(m + 1,)` of a curve from its distinct ascending scores `(m,)`; see `Curve`."""
    lower, upper = scores[:-1], scores[1:]
    middle = ((lower.astype(np.float64) + upper) / 2).astype(np.float32)
    # Between adjacent floats the middle may round down onto the lower score, which would then be decided
    # positive; the upper score itself is a threshold that tells the two apart.
    middle = np.where(middle > lower, middle, upper)
    return np.concatenate([[np.float32(-np.inf)], middle, [np.float32(np.inf)]])


def counts_at_cuts(curve: Curve, cuts: NDArray[np.float32]) -> Counts:
    """Counts of `score >= cut` at any cuts, float64 of their shape."""
    return curve.counts.at(np.searchsorted(curve.scores, cuts, side="left"))


def logit(probability: float) -> float:
    """`log(p / (1 - p))` for p in (0, 1)."""
    return math.log(probability) - math.log1p(-probability)


def cut_number(scores: NDArray[np.float32], number: int) -> float:
    """One cut of `cuts_of(scores)`, without the others."""
    if number in (0, scores.size):
        return math.inf if number else -math.inf
    lower, upper = scores[number - 1], scores[number]
    middle = np.float32((float(lower) + float(upper)) / 2)
    return float(middle if middle > lower else upper)


def _choice(scores: NDArray[np.float32], threshold_score: float, first: int, last: int) -> Choice:
    """A threshold whose plateau reaches from cut number `first` to cut number `last`."""
    low = float(scores[first - 1]) if first > 0 else -math.inf
    high = float(scores[last]) if last < scores.size else math.inf
    return Choice(threshold_score, float(sigmoid(threshold_score)), low, high)


def fixed_choice(scores: NDArray[np.float32], policy: rules.Fixed) -> Choice:
    """The study's own threshold; its plateau is the gap it falls into of the distinct scores `(m,)`."""
    threshold_score = np.float32(logit(policy.at))
    gap = int(np.searchsorted(scores, threshold_score, side="left"))
    return _choice(scores, float(threshold_score), gap, gap)


def choice_among(scores: NDArray[np.float32], best: NDArray[np.intp]) -> Choice:
    """The middle of the longest run of equally good cuts, as `choose` says.

    Args:
        scores: distinct, ascending, float32 `(m,)`.
        best: ascending numbers of cuts of `cuts_of(scores)`, at least one.
    """
    first, last = longest_run(best)
    return _choice(scores, cut_number(scores, (first + last) // 2), first, last)


Keys = tuple[F64, ...]
"""What a rule makes largest, `(m + 1,)` each: the first, among its ties the second; NaN never wins."""


def _f_beta(counts: Counts, policy: rules.MaxF1) -> Keys:
    return (f_beta(counts, policy.beta),)


def _youden(counts: Counts, _policy: rules.Youden | rules.MaxBalancedAccuracy) -> Keys:
    """Youden's J as `(tp N - fp P) / (P N)`: in whole numbers, so that equal cuts stay exactly equal."""
    p, n = counts.tp[0], counts.fp[0]
    with np.errstate(invalid="ignore"):
        return ((counts.tp * n - counts.fp * p) / (p * n),)


def _cost(counts: Counts, policy: rules.Cost) -> Keys:
    c_fp, c_fn = policy.in_whole_numbers
    return (-(c_fp * counts.fp + c_fn * counts.fn),)


def _precision_at_recall(counts: Counts, policy: rules.PrecisionAtRecall) -> Keys:
    found = sensitivity(counts)
    return np.where(found >= policy.recall, precision(counts), np.nan), found


def _recall_at_precision(counts: Counts, policy: rules.RecallAtPrecision) -> Keys:
    right = precision(counts)
    return np.where(right >= policy.precision, sensitivity(counts), np.nan), right


MERITS: dict[type[rules.Chosen], Callable[[Counts, Any], Keys]] = {
    rules.MaxF1: _f_beta,
    rules.Youden: _youden,
    rules.MaxBalancedAccuracy: _youden,
    rules.Cost: _cost,
    rules.PrecisionAtRecall: _precision_at_recall,
    rules.RecallAtPrecision: _recall_at_precision,
}
"""What each rule but `fixed` makes largest. The cuts lie along the first axis of the counts, -inf first;
further axes are further sets of rows."""


def _recall_reached(counts: Counts, policy: rules.PrecisionAtRecall) -> None:
    _check_reached(sensitivity(counts), "sensitivity", policy.recall, policy)


def _precision_reached(counts: Counts, policy: rules.RecallAtPrecision) -> None:
    _check_reached(precision(counts), "precision", policy.precision, policy)


def _check_reached(reached: F64, name: str, least: float, policy: rules.Chosen) -> None:
    if not (reached >= least).any():
        raise TrialError(
            f"{policy.policy} needs a cut with {name} of at least {least:g}, "
            f"but the best reachable is {np.fmax.reduce(reached):.4g}"
        )


_REACHED: dict[type[rules.Chosen], Callable[[Counts, Any], None]] = {
    rules.PrecisionAtRecall: _recall_reached,
    rules.RecallAtPrecision: _precision_reached,
}
"""Where a rule asks for something that no cut may reach: raises then."""


def best_cuts(counts: Counts, policy: rules.Chosen, limits: Limits = NO_LIMITS) -> NDArray[np.intp]:
    """Which cuts are best by a rule, ascending positions in `counts`, at least one.

    Args:
        counts: at ascending cuts, the first of which is -inf; not necessarily at all of them.
        policy: any but `fixed`.
        limits: what a cut must keep to be chosen.

    Raises:
        TrialError: no cut satisfies the rule and the limits, or its metric is defined at none.
    """
    if type(policy) in _REACHED:
        _REACHED[type(policy)](counts, policy)
    first, *others = MERITS[type(policy)](counts, policy)
    if limits.bounds:
        first = np.where(limits.kept(counts), first, np.nan)
        if np.isnan(first).all():
            raise TrialError(f"{policy.policy} finds no cut that meets {limits}")
    best = np.flatnonzero(first == np.fmax.reduce(first))
    for key in others:
        best = best[key[best] == key[best].max()]
    if best.size == 0:
        p, n = counts.tp[0], counts.fp[0]
        raise TrialError(f"{policy.policy} needs positive and negative rows, but got {p:g} and {n:g}")
    return best


def best_deciding(curve: Curve, policy: rules.Chosen) -> Choice | None:
    """The threshold that a rule would choose among the finite cuts: it decides some rows alone positive.

    Args:
        curve: of all cuts.
        policy: any but `fixed`.

    Returns:
        None where all scores are equal, or no finite cut satisfies the rule.
    """
    first, *others = MERITS[type(policy)](curve.counts, policy)
    first = np.concatenate([[np.nan], first[1:-1], [np.nan]])
    best = np.flatnonzero(first == np.fmax.reduce(first))
    for key in others:
        best = best[key[best] == key[best].max(initial=-np.inf)]
    return choice_among(curve.scores, best) if best.size else None


def longest_run(cuts: NDArray[np.intp]) -> tuple[int, int]:
    """First and last of the longest run of neighbours in ascending `cuts`; of equally long, the topmost."""
    if cuts.size == 1:
        return int(cuts[0]), int(cuts[0])
    breaks = np.flatnonzero(np.diff(cuts) > 1)
    firsts = np.concatenate([cuts[:1], cuts[breaks + 1]])
    lasts = np.concatenate([cuts[breaks], cuts[-1:]])
    longest = firsts.size - 1 - int(np.argmax((lasts - firsts)[::-1]))
    return int(firsts[longest]), int(lasts[longest])


def choose(curve: Curve, policy: rules.Chosen, limits: Limits = NO_LIMITS) -> Choice:
    """The threshold that a rule chooses on a curve.

    `fixed` keeps exactly `float32(logit(at))`. The others take the best of all cuts, the infinite ones
    included. Among equally good cuts: the longest run of neighbours, of equally long runs the topmost,
    in it the cut in the middle (the lower of two). The plateau is that whole run, and the threshold is
    still the midpoint between two neighbouring scores.

    Args:
        curve: of all cuts.
        policy: the rule.
        limits: what a cut must keep to be chosen.

    Raises:
        TrialError: no cut satisfies the rule and the limits, or its metric is defined at none.
    """
    if not isinstance(policy, rules.Fixed):
        return choice_among(curve.scores, best_cuts(curve.counts, policy, limits))
    choice = fixed_choice(curve.scores, policy)
    if not limits.kept(counts_at_cuts(curve, np.array([choice.threshold_score], np.float32))).all():
        raise TrialError(f"the fixed threshold {policy.at:g} does not meet {limits}")
    return choice


def nearest_cuts(counts: Counts, limits: Limits) -> NDArray[np.intp]:
    """The cuts that fall short of the limits by least, ascending positions in `counts`."""
    short = limits.shortfall(counts)
    return np.flatnonzero(short == short.min())
