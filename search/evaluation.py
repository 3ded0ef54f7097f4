"""From raw scores to what a row of the leaderboard says: score, threshold, value, metrics, intervals."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.bootstrap import intervals
from search.calibration import CALIBRATIONS, Calibration
from search.crossfit import Halves, cross_fit
from search.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS, counts_at
from search.thresholds import Choice, choose, curve
from spaces.study import Study
from spaces.thresholds import Chosen, Fixed, Sampled


@dataclass(frozen=True)
class Reference:
    """The validation rows that every trial of a study is measured on.

    Args:
        y: labels `(n,)` in {0, 1}.
        groups: patient or file of each row, `(n,)`, or None where unknown.
        recordings, times: recording and start in seconds of each row, or None.
        halves: the cross-fit's half-splits.
    """

    y: NDArray[np.int8]
    groups: NDArray[np.str_] | None
    recordings: NDArray[np.str_] | None
    times: NDArray[np.float64] | None
    halves: Halves


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A metric with its 95% bootstrap interval; None where undefined."""

    value: float | None
    low: float | None
    high: float | None

    def __post_init__(self) -> None:
        if any(number is not None and math.isnan(number) for number in (self.value, self.low, self.high)):
            raise ValueError(f"undefined must be None in an estimate, but got nan: {self}")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a trial's raw scores come to.

    Args:
        score: calibrated scores `(n,)` float32.
        calibration: raw score -> score; `calibration_note` says why it is the identity, if it had to be.
        choice: the threshold fitted on all validation rows, with its plateau.
        value: the objective, cross-fitted; None where undefined.
        metrics: in-sample metrics at the threshold, by name.
    """

    score: NDArray[np.float32]
    calibration: Calibration
    calibration_note: str | None
    choice: Choice
    value: float | None
    metrics: dict[str, Estimate]


def policy_of(study: Study, threshold: float | None) -> Chosen:
    """Returns the rule that a trial's threshold follows; a sampled threshold is a fixed one.

    Args:
        study: the study.
        threshold: the probability sampled for the trial, if any; baselines, which sample none, take 0.5.
    """
    if isinstance(study.threshold, Sampled):
        return Fixed(policy="fixed", at=0.5 if threshold is None else threshold)
    return study.threshold


def measure(
    raw: NDArray[np.float32], reference: Reference, study: Study, policy: Chosen, *, probabilistic: bool
) -> Measured:
    """Measures raw scores on the validation rows.

    Args:
        raw: raw scores `(n,)`, finite.
        reference: the validation rows.
        study: names objective, calibration and seed.
        policy: the rule for the threshold.
        probabilistic: whether sigmoid(raw) may be called a probability where no calibration is fitted.

    Raises:
        TrialError: the policy cannot be met, such as a precision that no threshold reaches.
    """
    calibrate = CALIBRATIONS[study.objective.calibration]
    fit = calibrate(reference.y, raw)
    score = fit.calibration.apply(raw)
    choice = choose(curve(reference.y, score), policy)
    value = cross_fit(reference.y, raw, reference.halves, calibrate, policy, study.objective.metric)
    return Measured(
        score=score,
        calibration=fit.calibration,
        calibration_note=fit.reason,
        choice=choice,
        value=defined(value),
        metrics=estimates(
            reference,
            score,
            choice.threshold_score,
            seed=study.seed,
            # The identity after a failed fit makes no probability of a margin.
            probabilistic=probabilistic or (study.objective.calibration != "none" and fit.reason is None),
        ),
    )


def estimates(
    reference: Reference,
    score: NDArray[np.float32],
    threshold_score: float,
    *,
    seed: int,
    probabilistic: bool,
) -> dict[str, Estimate]:
    """Returns every metric of scores at one threshold, with intervals by bootstrap over groups."""
    y = reference.y
    counts = counts_at(y, score, threshold_score)
    values = {name: float(metric(counts)) for name, metric in METRICS.items()}
    values |= {name: metric(y, score) for name, metric in RANKING_METRICS.items()}
    bounds = intervals(y, score, threshold_score, reference.groups, seed)
    found = {
        name: Estimate(value=defined(value), low=defined(bounds[name][0]), high=defined(bounds[name][1]))
        for name, value in values.items()
    }
    for name, metric in PROBABILITY_METRICS.items():
        value = metric(y, score) if probabilistic else math.nan
        found[name] = Estimate(value=defined(value), low=None, high=None)
    return found


def defined(value: float) -> float | None:
    """Returns the value, or None for NaN: files hold null where a number is undefined."""
    return None if math.isnan(value) else float(value)
