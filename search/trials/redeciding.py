"""A finished trial of K classes, K labels or a number under other rules, from its stored raw scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.record import Record
from search.scores.reference import Reference
from search.trials.scoring import Described, Evaluated, evaluate
from search.trials.scorings import claims_probabilities, scoring_for
from spaces.errors import TrialError
from spaces.policies import Rule
from spaces.study import Study


class Redeciding:
    """Applies other rules to the trials of a run; see `search.trials.rethresholding`, which does it for two.

    Args:
        reference: the validation rows.
        study: names calibration, seed, and the metric that becomes `value`.
        policies: the rules; None stands for the study's own.
    """

    def __init__(self, reference: Reference, study: Study, policies: Sequence[Rule | None]) -> None:
        self._reference, self._study = reference, study
        self._rules = [study.threshold if policy is None else policy for policy in policies]

    def of(self, record: Record, raw: NDArray[np.float32]) -> list[Record]:
        """Returns the record as each rule would have made it; where it cannot be met, `error` says why.

        Args:
            record: of a trial that has not failed.
            raw: its raw scores `(n, ...)`.
        """
        return [self._under(rule, record, raw) for rule in self._rules]

    def _under(self, rule: Rule, record: Record, raw: NDArray[np.float32]) -> Record:
        changes: dict[str, object] = {
            "objective": self._study.objective.metric,
            "threshold_policy": rule.policy,
        }
        scoring = scoring_for(self._study, rule, self._reference)
        try:
            found: Evaluated[Any] = evaluate(
                raw, self._reference, scoring, probabilistic=claims_probabilities(record)
            )
        except TrialError as error:
            undecided = dict.fromkeys(vars(Described()))
            return record.model_copy(update={**changes, **undecided, "value": None, "error": str(error)})
        return record.model_copy(update={**changes, **found.fields, "value": found.value})
