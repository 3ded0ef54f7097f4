"""Evaluates the scores of K exclusive classes; see `search.evaluation.scoring`."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.evaluation.scoring import UNDEFINED, Described, Estimates, estimate
from search.events.evaluation import CrossFitted, decided_estimates
from search.record import Estimate
from search.scores import metrics as of_two
from search.scores.calibration import Fit
from search.scores.crossfit_sums import CrossfitSums
from search.scores.multiclass.bootstrap import Predictions, intervals
from search.scores.multiclass.calibration import CALIBRATIONS
from search.scores.multiclass.crossfit import cross_fit, held_out
from search.scores.multiclass.decisions import F32, class_counts, confusion
from search.scores.multiclass.metrics import (
    CLASS_METRICS,
    DECISION_METRICS,
    PROBABILITY_METRICS,
    RANKING_METRICS,
    against_rest,
    coverage,
    each_class,
)
from search.scores.multiclass.offsets import ClassChoice, choose_offsets
from search.scores.reference import Reference
from spaces.base import Label
from spaces.policies import ClassRule
from spaces.study import UNSAID, Events


@dataclass(frozen=True)
class FittedClasses:
    """Calibration and offsets fitted on some rows; see `scoring.Decision`.

    Args:
        fit: the calibration of all scores.
        choice: the offsets, with their plateaus.
        probabilistic: whether the softmax of the scores may be called probabilities.
    """

    fit: Fit
    choice: ClassChoice
    probabilistic: bool

    @property
    def described(self) -> Described:
        """The fields of a record."""
        return Described(
            calibration_a=self.fit.calibration.a,
            calibration_b=self.fit.calibration.b,
            calibration_note=self.fit.reason,
            offsets=self.choice.offsets,
            plateaus_low=self.choice.low,
            plateaus_high=self.choice.high,
            reject_below=self.choice.reject_below,
        )

    def apply(self, raw: F32) -> F32:
        """Scores of raw scores `(n, K)`."""
        return self.fit.calibration.apply(raw)


@dataclass(frozen=True, kw_only=True)
class ClassScoring:
    """What evaluation asks of K classes; see `scoring.Scoring`.

    Args:
        classes: the label values of the K classes, in order.
        rule: of the offsets.
        calibration: a name of `multiclass.calibration.CALIBRATIONS`. A slope alone undoes neither class
            weights nor a loss that bends probabilities, so it makes no probability of what was none.
        metric: the objective, of DECISION_METRICS, RANKING_METRICS or PROBABILITY_METRICS.
        seed: of the bootstrap.
        events: which classes are seizures, and how decisions become events.
    """

    classes: tuple[Label, ...]
    rule: ClassRule
    calibration: str
    metric: str
    seed: int
    events: Events = UNSAID

    def fit(self, raw: F32, reference: Reference, *, probabilistic: bool) -> FittedClasses:
        """See `scoring.Scoring`."""
        fit = CALIBRATIONS[self.calibration](reference.y, raw)
        choice = choose_offsets(reference.y, fit.calibration.apply(raw), self.rule, self.classes)
        return FittedClasses(fit, choice, probabilistic)

    def estimates(self, fitted: FittedClasses, score: F32, reference: Reference) -> Estimates:
        """See `scoring.Scoring`; with `reject_below` also the share that is decided, and metrics of that."""
        y, decided, rest = reference.y, fitted.choice.decide(score), against_rest(score)
        matrix = confusion(y, decided, len(self.classes))
        counts = class_counts(matrix)
        bounds = intervals(y, Predictions(rest, decided), reference.groups, self.seed)
        whole: dict[str, Estimate] = {}
        for name, metric in DECISION_METRICS.items():
            whole[name] = estimate(float(metric(counts)), bounds.whole[name])
        for name, ranking in RANKING_METRICS.items():
            whole[name] = estimate(ranking(y, rest), bounds.whole[name])
        for name, of_probability in PROBABILITY_METRICS.items():
            whole[name] = UNDEFINED
            if fitted.probabilistic:
                whole[name] = estimate(of_probability(y, rest), bounds.whole[name])
        if fitted.choice.reject_below is not None:
            known = class_counts(matrix, decided_alone=True)
            whole["coverage"] = estimate(float(coverage(counts)))
            for name, metric in DECISION_METRICS.items():
                whole[f"decided_{name}"] = estimate(float(metric(known)))
        if seizures := self.events.places(self.classes):
            positive = np.isin(decided, seizures)  # what is not decided is none
            whole |= decided_estimates(reference, positive, self.events, self.seed)
        values = {name: metric(counts) for name, metric in CLASS_METRICS.items()}
        values |= {name: each_class(metric, y, rest) for name, metric in of_two.RANKING_METRICS.items()}
        return Estimates(
            whole=whole,
            each={name: tuple(map(estimate, of.tolist(), bounds.each[name])) for name, of in values.items()},
            confusion=tuple(map(tuple, matrix.tolist())),
            constant=bool((decided == decided[0]).all()),
        )

    def cross_fitted(self, raw: F32, reference: Reference) -> CrossFitted:
        """See `scoring.Scoring`."""
        calibrate = CALIBRATIONS[self.calibration]
        value = cross_fit(reference.y, raw, reference.halves, calibrate, self.rule, self.metric, self.classes)
        return CrossFitted(value, math.nan)

    def held_out(self, raw: F32, reference: Reference, piece: NDArray[np.intp], pieces: int) -> CrossfitSums:
        """See `scoring.Contending`."""
        calibrate, y, halves = CALIBRATIONS[self.calibration], reference.y, reference.halves
        return held_out(y, raw, halves, calibrate, self.rule, self.metric, self.classes, piece, pieces)
