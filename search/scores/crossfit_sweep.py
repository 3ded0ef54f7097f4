"""Cross-fitting of many threshold rules from one sort of the scores; same bits as `crossfit`."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.scores.approximate_calibration import COARSE, FINE, HalfFit, HalfFits
from search.scores.calibration import Calibration, CalibrationMethod
from search.scores.crossfit import half_value
from search.scores.half_splits import Halves
from search.scores.metrics import METRICS, Counts
from search.scores.ranking import Ranked, ranked_already
from search.scores.thresholds import NO_LIMITS, Limits, best_cuts, cut_number, logit, longest_run
from spaces.errors import TrialError
from spaces.policies import (
    Chosen,
    Cost,
    Fixed,
    MaxBalancedAccuracy,
    MaxF1,
    PrecisionAtRecall,
    RecallAtPrecision,
    Youden,
)

UNIT = 2.0**-24
"""The largest relative error of one rounding to float32."""
APART, CLEAR = 2.2, 3.3
"""Errors of a score between two neighbours, each of which may be off by one, and between a row and a cut: one
for the row, one for the neighbours that the cut lies amid, one for rounding their middle, here and there."""
ROUGH = {COARSE: 0.25, FINE: 0.01}
"""How far off a half's fit may be, as a share."""
MANY = 20
"""Equally good cuts beyond which a half is looked at closely in any case."""
SURE = 5e-7
"""As CLEAR for a fixed threshold, which also meets the last digits of the fit itself: some three roundings of
float32, on the scale of the scores."""


class Side:
    """Some rows by ascending score, with their counts at every cut.

    Args:
        rows: in the order of their scores, ties side by side, without -0.0.
        positive: their labels, in that order.
    """

    def __init__(self, rows: Ranked, positive: NDArray[np.bool_]) -> None:
        self.scores, self._ends = rows.scores, rows.ends
        self.positives = np.flatnonzero(positive)

    def counts(self, cuts: NDArray[np.intp]) -> Counts:
        """Counts of the detections at some cuts, by number, float64 of their shape."""
        return self._counts(cuts, self.positives.searchsorted(self._ends[cuts]))

    def _counts(self, cuts: NDArray[np.intp], missed: NDArray[np.intp]) -> Counts:
        fn = missed.astype(np.float64)
        tn = self._ends[cuts] - fn
        positives = float(self.positives.size)
        return Counts(tp=positives - fn, fp=float(self._ends[-1]) - positives - tn, tn=tn, fn=fn)

    def at(self, threshold_scores: NDArray[np.float32]) -> Counts:
        """Counts of `score >= threshold_score`."""
        return self.counts(np.searchsorted(self.scores, threshold_scores, side="left"))

    def best(self, policy: Chosen, limits: Limits = NO_LIMITS) -> NDArray[np.intp]:
        """The numbers of the cuts that are best by a rule other than `fixed`; see `best_cuts`."""
        if limits.rising and _rising(policy):
            cuts, counts = self._turns
        else:
            cuts = np.arange(self.scores.size + 1)
            counts = self.counts(cuts)
        return cuts[best_cuts(counts, policy, limits)]

    @cached_property
    def _turns(self) -> tuple[NDArray[np.intp], Counts]:
        """The cuts with a negative right below and a positive right above, and the two infinite ones.

        Any other cut makes an error more than one of its neighbours and gains nothing by it, so a rule that
        dislikes errors never has it among its best.
        """
        # Of positives after a negative.
        places = np.flatnonzero(self.positives[1:] - self.positives[:-1] > 1) + 1
        if self.positives.size and self.positives[0] > 0:
            places = np.concatenate([[0], places])
        cuts = self.positives[places]
        if self.scores.size < self._ends[-1]:  # ties, whose rows stand in any order: take all around them
            tied = np.flatnonzero(np.diff(self._ends) > 1)
            found = [self._ends.searchsorted(cuts, side="right") - 1, tied, tied + 1]
            cuts = np.concatenate([[0], *found, [self.scores.size]])
            cuts.sort(kind="stable")
            cuts = cuts[np.concatenate([[True], cuts[1:] > cuts[:-1]])]
            return cuts, self.counts(cuts)
        cuts = np.concatenate([[0], cuts, [self.scores.size]])
        return cuts, self._counts(cuts, np.concatenate([[0], places, [self.positives.size]]))


def _rising(policy: Chosen) -> bool:
    """Whether one error less is better by a rule, by more than a float64 hides; else all cuts are tried."""
    if isinstance(policy, MaxF1):
        return policy.beta >= 0.01
    if isinstance(policy, Cost):
        return 1e-6 <= policy.c_fp / policy.c_fn <= 1e6
    return isinstance(policy, Youden | MaxBalancedAccuracy | PrecisionAtRecall | RecallAtPrecision)


def cross_fits(
    raw: NDArray[np.float32],
    positive: NDArray[np.bool_],
    rows: Ranked,
    halves: Halves,
    calibrate: CalibrationMethod,
    policies: Sequence[Chosen],
    metric: str,
    limits: Limits = NO_LIMITS,
    *,
    method: str,
    prevalence: float | None = None,
    whole: Calibration | None = None,
) -> list[float]:
    """`search.scores.crossfit.cross_fit` of each of several rules, the same to the last bit.

    A calibration keeps the order of the scores, so a half's rule may be read off its raw scores. Only where
    the calibrated ones, being float32, could round to another decision is the half calibrated and measured
    as `cross_fit` does it: neighbours or rows within some 1e-6 of the cut. A fixed threshold needs the
    halves' calibrations themselves, to about as many digits.

    Args:
        raw, halves, calibrate, metric, limits: see `cross_fit`; metric is one of METRICS.
        positive: labels `(n,)`.
        rows: of the raw scores, from `ranked`.
        policies: the rules.
        method: the name of `calibrate` in CALIBRATIONS.
        prevalence: that `calibrate` moves scores to, if it does.
        whole: what `calibrate` fits to all rows; None if that failed.
    """
    in_order, labels = raw[rows.order] + np.float32(0), positive[rows.order]
    fits, tolerance = None, FINE if any(isinstance(one, Fixed) for one in policies) else COARSE
    if method != "none":
        fits = HalfFits(in_order, labels, method, prevalence, whole, tolerance)
    rules = [Youden(policy="youden") if isinstance(one, MaxBalancedAccuracy) else one for one in policies]
    different = list(dict.fromkeys(rules))
    values: list[list[float]] = [[] for _ in different]
    for half in halves.mask.T:
        first = half[rows.order]
        places = np.flatnonzero(first), np.flatnonzero(~first)
        sides = [Side(ranked_already(at, in_order[at]), labels[at]) for at in places]
        for k, fitted in enumerate((half, ~half)):
            slowly = _slowly(raw, positive, fitted, calibrate, metric, limits)
            fit = None if fits is None else fits.of(places[k])
            one = _Half(sides[k], sides[1 - k], fit, ROUGH[tolerance], exact=fits is None)
            for of, value in zip(values, one.values(different, metric, limits, slowly), strict=True):
                of.append(value)
    means = {rule: float(np.mean(of)) for rule, of in zip(different, values, strict=True)}
    return [means[rule] for rule in rules]


Slowly = Callable[[Chosen], float]


def _slowly(
    raw: NDArray[np.float32],
    positive: NDArray[np.bool_],
    fitted: NDArray[np.bool_],
    calibrate: CalibrationMethod,
    metric: str,
    limits: Limits,
) -> Slowly:
    """One half as `cross_fit` has it, calibrated at most once."""
    scores: list[NDArray[np.float32]] = []

    def value(policy: Chosen) -> float:
        if not scores:
            scores.append(calibrate(positive[fitted], raw[fitted]).calibration.apply(raw))
        return half_value(positive, scores[0], fitted, policy, metric, limits)

    return value


class _Half:
    """One half fitted, the other measured.

    Args:
        fitted, measured: by raw score.
        fit: about the calibration of the fitted half; None if it is not known.
        rough: how far off that may be, as a share.
        exact: whether there is none, so that raw scores are the scores.
    """

    def __init__(
        self, fitted: Side, measured: Side, fit: HalfFit | None, rough: float, *, exact: bool
    ) -> None:
        self._fitted, self._measured, self._rough = fitted, measured, rough
        self._fit = HalfFit(1.0, 0.0) if exact else fit
        self._exact = exact

    def values(self, policies: Sequence[Chosen], metric: str, limits: Limits, slowly: Slowly) -> list[float]:
        """The metric on the measured half by each rule; NaN where the rule cannot be met."""
        found: list[float | None] = [None] * len(policies)
        thresholds: dict[int, float] = {}
        for k, policy in enumerate(policies):
            try:
                threshold = self._threshold(policy, limits)
            except TrialError:
                found[k] = float("nan")
                continue
            if threshold is not None:
                thresholds[k] = threshold
        counts = self._measured.at(np.array(list(thresholds.values()), np.float32))
        for k, value in zip(thresholds, METRICS[metric](counts).tolist(), strict=True):
            found[k] = value
        return [slowly(policies[k]) if value is None else value for k, value in enumerate(found)]

    def _threshold(self, policy: Chosen, limits: Limits) -> float | None:
        """A threshold of raw scores that decides as the calibrated one; None where that is not sure.

        Raises:
            TrialError: the rule cannot be met, which no rounding changes: it only takes cuts away.
        """
        if isinstance(policy, Fixed):
            return self._fixed(policy, limits)
        best = self._fitted.best(policy, limits)
        if self._fit is None:
            return None
        first, last = longest_run(best)
        threshold = cut_number(self._fitted.scores, (first + last) // 2)
        return threshold if self._exact or self._is_sure(best, threshold) else None

    def _is_sure(self, best: NDArray[np.intp], threshold: float) -> bool:
        """Whether rounding leaves the best cuts as they are, and every measured row on its side.

        Rounding makes neighbours equal and takes the cut between them away. It must leave the best cuts, and
        between two runs of them one other cut, or they would become one run.
        """
        if self._fit is None or best.size > MANY:
            return False
        scores, cuts = self._fitted.scores, best.tolist()
        # A calibrated score is rounded twice: the product, and the sum. This is both, as a raw score.
        shift = self._fit.b / self._fit.a
        ends = float(scores[max(cuts[0] - 1, 0)]), float(scores[min(cuts[-1], scores.size - 1)])
        error = UNIT * max(
            abs(end) + abs(end + shift) + self._rough * (abs(end) + abs(shift)) for end in ends
        )
        for k, cut in enumerate(cuts):
            if 0 < cut < scores.size and not float(scores[cut]) - float(scores[cut - 1]) > APART * error:
                return False
            if k and cut - cuts[k - 1] > 1:
                between = scores[cuts[k - 1] : cut]
                if not float((between[1:] - between[:-1]).max()) > APART * error:
                    return False
        return math.isinf(threshold) or self._nothing_within(self._measured, threshold, CLEAR * error)

    def _fixed(self, policy: Fixed, limits: Limits) -> float | None:
        at = float(np.float32(logit(policy.at)))
        if self._fit is None:
            return None
        a, b = self._fit.a, self._fit.b
        threshold = float(np.float32((at - b) / a))
        slack = SURE * (abs(at) + abs(b) + 1) / a
        sides = [self._measured, self._fitted] if limits.bounds else [self._measured]
        if not self._exact and not all(self._nothing_within(side, threshold, slack) for side in sides):
            return None
        if limits.bounds and not limits.kept(self._fitted.at(np.array([threshold], np.float32))).all():
            raise TrialError(f"the fixed threshold {policy.at:g} does not meet {limits}")
        return threshold

    @staticmethod
    def _nothing_within(side: Side, threshold: float, slack: float) -> bool:
        first = int(side.scores.searchsorted(np.float32(threshold - slack)))
        return first == side.scores.size or float(side.scores[first]) >= threshold + slack
