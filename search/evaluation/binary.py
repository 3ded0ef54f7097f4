"""Evaluates a trial's raw scores: calibration, threshold, cross-fitted value, metrics, intervals."""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from search.evaluation.scoring import Described, Estimates
from search.events.evaluation import CrossFitted, cross_fit_events, event_choice, event_estimates
from search.events.scoring import EVENT_METRICS
from search.record import Ask, Estimate, defined
from search.scores.bootstrap import intervals
from search.scores.calibration import (
    CALIBRATIONS,
    UNBENDING,
    Calibration,
    CalibrationMethod,
    moved_to,
    weights_at,
)
from search.scores.crossfit import SCORE_METRICS, cross_fit
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS, counts_at
from search.scores.reference import Reference
from search.scores.thresholds import NO_LIMITS, Choice, Limits, choose, curve
from spaces.policies import Chosen, Fixed, MaxF1, Sampled, SensitivityAtFaPerDay
from spaces.study import Events, Study

Policy = Chosen | SensitivityAtFaPerDay


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """Calibration and threshold fitted on some rows, to be applied to those rows or to others.

    Args:
        calibration: raw score -> score; `calibration_note` says why it is the identity, if it had to be.
        choice: the threshold, with its plateau.
        probabilistic: whether sigmoid(score) may be called a probability.
        prevalence: the share of positives that the scores were moved to; None if they were not.
    """

    calibration: Calibration
    calibration_note: str | None
    choice: Choice
    probabilistic: bool
    prevalence: float | None

    @property
    def described(self) -> Described:
        """The fields of a record."""
        return Described(
            threshold_score=self.choice.threshold_score,
            threshold=self.choice.threshold,
            plateau_low=self.choice.low,
            plateau_high=self.choice.high,
            calibration_a=self.calibration.a,
            calibration_b=self.calibration.b,
            calibration_note=self.calibration_note,
        )

    def apply(self, raw: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of raw scores `(n,)`."""
        return self.calibration.apply(raw)


def policy_of(study: Study, threshold: float | None) -> Policy:
    """Returns the rule that a trial's decisions follow; a sampled threshold is a fixed one.

    The rule is that of the study's task, which its scoring knows; the type is that of binary studies.

    Args:
        study: the study.
        threshold: the probability sampled for the trial, if any; baselines, which sample none, take 0.5.
    """
    if isinstance(study.threshold, Sampled):
        return Fixed(policy="fixed", at=0.5 if threshold is None else threshold)
    return cast("Policy", study.threshold)


ALWAYS = "always"
"""The baseline that decides every row positive, whatever rule the study names."""
ALWAYS_ON = Fixed(policy="fixed", at=0.5)
"""Its rule: fixed at 0.5, which all its scores exceed."""


def policy_of_trial(study: Study, ask: Ask) -> Policy:
    """Returns the rule that the decisions of a trial or of a baseline follows."""
    if ask.baseline == ALWAYS:
        return ALWAYS_ON
    return policy_of(study, ask.config.threshold if ask.config else None)


def fit_decision(
    raw: NDArray[np.float32], reference: Reference, study: Study, policy: Policy, *, probabilistic: bool
) -> Fitted:
    """Fits calibration and threshold.

    Args:
        raw: raw scores `(n,)`, finite.
        reference: the rows they belong to; their half-splits are not used.
        study: names calibration, prevalence and events.
        policy: the rule for the threshold.
        probabilistic: whether sigmoid(raw) may be called a probability where no calibration is fitted.

    Raises:
        TrialError: the policy cannot be met, such as a precision that no threshold reaches.
    """
    fit = calibration_of(study)(reference.y, raw)
    score = fit.calibration.apply(raw)
    choice = (
        event_choice(reference, score, policy, study.events)
        if isinstance(policy, SensitivityAtFaPerDay)
        else choose(curve(reference.y, score), policy)
    )
    return Fitted(
        calibration=fit.calibration,
        calibration_note=fit.reason,
        choice=choice,
        # The identity after a failed fit makes no probability of a margin, and a slope alone undoes neither
        # class weights nor a loss that bends probabilities.
        probabilistic=probabilistic or (study.objective.calibration in UNBENDING and fit.reason is None),
        prevalence=study.objective.prevalence if fit.reason is None else None,
    )


@dataclass(frozen=True)
class BinaryScoring:
    """What evaluation asks of two classes and one threshold; see `scoring.Scoring`.

    Args:
        study: names objective, calibration, prevalence, events and seed.
        policy: the rule for the threshold.
    """

    study: Study
    policy: Policy

    def fit(self, raw: NDArray[np.float32], reference: Reference, *, probabilistic: bool) -> Fitted:
        """See `fit_decision`."""
        return fit_decision(raw, reference, self.study, self.policy, probabilistic=probabilistic)

    def estimates(self, fitted: Fitted, score: NDArray[np.float32], reference: Reference) -> Estimates:
        """See the function `estimates`."""
        whole = estimates(
            reference,
            score,
            fitted.choice.threshold_score,
            events=self.study.events,
            seed=self.study.seed,
            probabilistic=fitted.probabilistic,
            prevalence=fitted.prevalence,
        )
        return Estimates(whole=whole)

    def cross_fitted(self, raw: NDArray[np.float32], reference: Reference) -> CrossFitted:
        """See the function `cross_fitted`."""
        return cross_fitted(raw, reference, self.study, self.policy)


def calibration_of(study: Study) -> CalibrationMethod:
    """Returns how a study fits its calibrations, prevalence included."""
    method, prevalence = CALIBRATIONS[study.objective.calibration], study.objective.prevalence
    return method if prevalence is None else moved_to(prevalence, method)


def asks_events(metric: str, policy: Policy) -> bool:
    """Whether a cross-fitted metric needs events, by itself or for its threshold."""
    return metric not in SCORE_METRICS and (
        metric in EVENT_METRICS or isinstance(policy, SensitivityAtFaPerDay)
    )


def cross_fitted(
    raw: NDArray[np.float32],
    reference: Reference,
    study: Study,
    policy: Policy,
    limits: Limits = NO_LIMITS,
) -> CrossFitted:
    """Returns the objective, cross-fitted; NaN where undefined.

    Args:
        raw, reference, study, policy: see `fit_decision`.
        limits: what a threshold must keep on the half it is chosen on.
    """
    metric, calibrate = study.objective.metric, calibration_of(study)
    if asks_events(metric, policy):
        return cross_fit_events(reference, raw, calibrate, policy, metric, study.events, limits)
    # A metric of the scores has no threshold, so any policy will do.
    plain = MaxF1() if isinstance(policy, SensitivityAtFaPerDay) else policy
    value = cross_fit(reference.y, raw, reference.halves, calibrate, plain, metric, limits)
    return CrossFitted(value, math.nan)


def estimates(
    reference: Reference,
    score: NDArray[np.float32],
    threshold_score: float,
    *,
    events: Events,
    seed: int,
    probabilistic: bool,
    prevalence: float | None = None,
) -> dict[str, Estimate]:
    """Returns every metric of scores at one threshold, with intervals by bootstrap over groups.

    Args:
        reference: the rows.
        score: calibrated scores `(n,)`.
        threshold_score: see `decide`.
        events: how decisions become events.
        seed: of the bootstrap.
        probabilistic: whether sigmoid(score) may be called a probability; its metrics are None if not.
        prevalence: the share of positives that the scores were moved to, if they were: probabilities are
            then measured with row weights that give positives this share. All other metrics are of the
            rows as they are.
    """
    y = reference.y
    counts = counts_at(y, score, threshold_score)
    values = {name: float(metric(counts)) for name, metric in METRICS.items()}
    values |= {name: metric(y, score) for name, metric in RANKING_METRICS.items()}
    bounds = intervals(y, score, threshold_score, reference.groups, seed)
    found = {
        name: Estimate(value=defined(value), low=defined(bounds[name][0]), high=defined(bounds[name][1]))
        for name, value in values.items()
    }
    found |= event_estimates(reference, score, threshold_score, events, seed)
    weight = None if prevalence is None else weights_at(prevalence, y)
    for name, metric in PROBABILITY_METRICS.items():
        value = metric(y, score, weight) if probabilistic else math.nan
        found[name] = Estimate(value=defined(value), low=None, high=None)
    return found
