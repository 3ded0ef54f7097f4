"""Measures scores of models that exist already, as those of a trial are measured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.evaluation.binary import policy_of
from search.evaluation.binary_rescoring import BinaryRescoring
from search.evaluation.by_task import scoring_for
from search.evaluation.scoring import evaluate_in_sample
from search.record import Ask, Record
from search.scores.reference import Reference
from search.training.steering_metrics import steer_of
from search.trials.trial import RunFacts, fields_of, now, record
from spaces.errors import TrialError
from spaces.study import Study


@dataclass(frozen=True, eq=False)
class Decided:
    """A column of scores, measured.

    Args:
        record: what it came to.
        score: calibrated scores `(n,)` float32; None where it failed.
    """

    record: Record
    score: NDArray[np.float32] | None


def decided(
    ask: Ask,
    study: Study,
    raw: NDArray[np.float32],
    reference: Reference,
    facts: RunFacts,
    *,
    probabilistic: bool,
) -> Decided:
    """Calibrates scores, chooses their threshold and measures both; a rule that cannot be met fails the row.

    Args:
        ask: names the column.
        study: names policy, objective, calibration, events and seed.
        raw: raw scores `(n,)`, finite.
        reference: the rows they belong to.
        facts: what stands in every record of the run.
        probabilistic: whether sigmoid(raw) may be called a probability where no calibration is fitted.
    """
    began, steer = now(), steer_of(study.task, study.objective.steer)
    about = {"device": "cpu", "train_s": 0.0, "started_at": began, "cross_fit_by": reference.halves.by}
    try:
        scoring = scoring_for(study, policy_of(study, None), reference)
        measured = evaluate_in_sample(raw, reference, scoring, probabilistic=probabilistic)
    except TrialError as error:
        return Decided(record(ask, study, facts, state="failed", error=str(error), **about), None)
    found = record(
        ask,
        study,
        facts,
        state="completed",
        steering_value=steer(reference.y, raw),
        **fields_of(measured, study, reference),
        **about,
    )
    # The value of `evaluate`, bit for bit, from calibrations that share one pass over the rows.
    [valued] = BinaryRescoring(reference, study, [None]).of(found, raw)
    return Decided(
        found.model_copy(update={"value": valued.value, "value_fa_per_day": valued.value_fa_per_day}),
        measured.score,
    )
