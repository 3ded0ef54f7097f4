"""Measures raw scores of a binary study in one call, as a trial does."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.evaluation.binary import BinaryScoring, Fitted, Policy
from search.evaluation.scoring import Evaluated, evaluate
from search.record import Estimate
from search.scores.calibration import Calibration
from search.scores.reference import Reference
from search.scores.thresholds import Choice
from spaces.study import Study


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A trial's raw scores, evaluated.

    Args:
        score: calibrated scores `(n,)` float32.
        calibration: raw score -> score; `calibration_note` says why it is the identity, if it had to be.
        choice: the threshold fitted on all validation rows, with its plateau.
        value: the objective, cross-fitted; None where undefined.
        value_fa_per_day: false alarms per 24 h of the decisions behind `value`, of event studies; or None.
        metrics: in-sample metrics at the threshold, by name.
    """

    score: NDArray[np.float32]
    calibration: Calibration
    calibration_note: str | None
    choice: Choice
    value: float | None
    value_fa_per_day: float | None
    metrics: dict[str, Estimate]


def measure(
    raw: NDArray[np.float32], reference: Reference, study: Study, policy: Policy, *, probabilistic: bool
) -> Measured:
    """Measures raw scores on the validation rows.

    Args:
        raw: raw scores `(n,)`, finite.
        reference: the validation rows.
        study: names objective, calibration, prevalence and seed.
        policy, probabilistic: see `fit_decision`.

    Raises:
        TrialError: the policy cannot be met, such as a precision that no threshold reaches.
    """
    scoring = BinaryScoring(study, policy)
    return _measured(evaluate(raw, reference, scoring, probabilistic=probabilistic))


def _measured(found: Evaluated[Fitted]) -> Measured:
    return Measured(
        score=found.score,
        calibration=found.fitted.calibration,
        calibration_note=found.fitted.calibration_note,
        choice=found.fitted.choice,
        value=found.value,
        value_fa_per_day=found.value_fa_per_day,
        metrics=found.estimates.whole,
    )
