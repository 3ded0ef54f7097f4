"""Evaluates the scores of K independent labels; see `search.evaluation.scoring`."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search.evaluation.scoring import UNDEFINED, Described, Estimates, estimate
from search.events.evaluation import CrossFitted
from search.record import Estimate
from search.scores import metrics as of_two
from search.scores.calibration import CALIBRATIONS, UNBENDING
from search.scores.crossfit_sums import CrossfitSums
from search.scores.multiclass.metrics import CLASS_METRICS
from search.scores.multilabel.bootstrap import Predictions, intervals
from search.scores.multilabel.calibration import LabelFit, fit_labels
from search.scores.multilabel.crossfit import cross_fit, held_out
from search.scores.multilabel.metrics import (
    DECISION_METRICS,
    PROBABILITY_METRICS,
    RANKING_METRICS,
    counts_of,
    each_label,
)
from search.scores.multilabel.thresholds import F32, LabelThresholds, TopLabels, choose_labels
from search.scores.reference import Reference
from spaces.base import Label
from spaces.policies import LabelRule


@dataclass(frozen=True)
class FittedLabels:
    """Calibrations and thresholds fitted on some rows; see `scoring.Decision`.

    Args:
        fit: the calibration of each label.
        note: why some of them are the identity, if they had to be.
        choice: what decides the labels.
        probabilistic: whether sigmoid(score) may be called the probability of a label.
    """

    fit: LabelFit
    note: str | None
    choice: LabelThresholds | TopLabels
    probabilistic: bool

    @property
    def described(self) -> Described:
        """The fields of a record."""
        calibrated = Described(
            calibration_note=self.note,
            calibrations_a=tuple(one.a for one in self.fit.calibrations),
            calibrations_b=tuple(one.b for one in self.fit.calibrations),
        )
        if isinstance(self.choice, TopLabels):
            return replace(calibrated, top_k=self.choice.k)
        return replace(
            calibrated,
            thresholds=tuple(one.threshold_score for one in self.choice.choices),
            plateaus_low=tuple(one.low for one in self.choice.choices),
            plateaus_high=tuple(one.high for one in self.choice.choices),
        )

    def apply(self, raw: F32) -> F32:
        """Scores of raw scores `(n, K)`."""
        return self.fit.apply(raw)


@dataclass(frozen=True, kw_only=True)
class LabelScoring:
    """What evaluation asks of K labels; see `scoring.Scoring`.

    Args:
        names: of the K labels, in order.
        rule: of the decisions.
        calibration: a name of CALIBRATIONS, for each label by itself.
        metric: the objective, of DECISION_METRICS, RANKING_METRICS or PROBABILITY_METRICS.
        seed: of the bootstrap.
    """

    names: tuple[Label, ...]
    rule: LabelRule
    calibration: str
    metric: str
    seed: int

    def fit(self, raw: F32, reference: Reference, *, probabilistic: bool) -> FittedLabels:
        """See `scoring.Scoring`."""
        fit = fit_labels(CALIBRATIONS[self.calibration], reference.y, raw)
        choice = choose_labels(reference.y, fit.apply(raw), self.rule, self.names)
        note = fit.reason(self.names)
        claimed = probabilistic or (self.calibration in UNBENDING and note is None)
        return FittedLabels(fit, note, choice, claimed)

    def estimates(self, fitted: FittedLabels, score: F32, reference: Reference) -> Estimates:
        """See `scoring.Scoring`."""
        y, decided = reference.y, fitted.choice.decide(score)
        counts = counts_of(y, decided)
        bounds = intervals(y, Predictions(score, decided), reference.groups, self.seed)
        whole: dict[str, Estimate] = {}
        for name, metric in DECISION_METRICS.items():
            whole[name] = estimate(float(metric(counts)), bounds.whole[name])
        for name, ranking in RANKING_METRICS.items():
            whole[name] = estimate(ranking(y, score), bounds.whole[name])
        for name, of_probability in PROBABILITY_METRICS.items():
            whole[name] = UNDEFINED
            if fitted.probabilistic:
                whole[name] = estimate(of_probability(y, score), bounds.whole[name])
        values = {name: metric(counts.each) for name, metric in CLASS_METRICS.items()}
        values |= {name: each_label(metric, y, score) for name, metric in of_two.RANKING_METRICS.items()}
        return Estimates(
            whole=whole,
            each={name: tuple(map(estimate, of.tolist(), bounds.each[name])) for name, of in values.items()},
            constant=bool((decided == decided[0]).all()),
        )

    def cross_fitted(self, raw: F32, reference: Reference) -> CrossFitted:
        """See `scoring.Scoring`."""
        calibrate = CALIBRATIONS[self.calibration]
        value = cross_fit(reference.y, raw, reference.halves, calibrate, self.rule, self.metric, self.names)
        return CrossFitted(value, math.nan)

    def held_out(self, raw: F32, reference: Reference, piece: NDArray[np.intp], pieces: int) -> CrossfitSums:
        """See `scoring.Contending`."""
        calibrate, y, halves = CALIBRATIONS[self.calibration], reference.y, reference.halves
        return held_out(y, raw, halves, calibrate, self.rule, self.metric, self.names, piece, pieces)
