"""A finished trial of K classes, K labels or a number under other rules, from its stored raw scores."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.evaluation.by_task import claims_probabilities, scoring_for
from search.evaluation.scoring import UNDEFINED, Described, Evaluated, evaluate
from search.record import Estimate, Record
from search.scores import metrics as of_two
from search.scores.multiclass import metrics as of_classes
from search.scores.multilabel import metrics as of_labels
from search.scores.reference import Reference
from spaces.errors import TrialError
from spaces.policies import Rule
from spaces.study import Study

_OF_SCORES = frozenset(
    {*of_classes.RANKING_METRICS, *of_classes.PROBABILITY_METRICS}
    | {*of_labels.RANKING_METRICS, *of_labels.PROBABILITY_METRICS, *of_two.RANKING_METRICS}
)
"""The metrics that no decision changes."""


class TaskRescoring:
    """Applies other rules to the trials of a run; of two classes, `binary_rescoring` does.

    Args:
        reference: the validation rows.
        study: names calibration, seed, and the metric that becomes `value`.
        policies: the rules; None stands for the study's own.
    """

    def __init__(self, reference: Reference, study: Study, policies: Sequence[Rule | None]) -> None:
        self._reference, self._study = reference, study
        self._rules = [study.threshold if policy is None else policy for policy in policies]

    def of(self, record: Record, raw: NDArray[np.float32]) -> list[Record]:
        """Returns the record as each rule would have made it.

        Where a rule cannot be met, `error` says why, and what depends on decisions is undefined.

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
            return record.model_copy(update={**changes, **_undecided(record), "error": str(error)})
        return record.model_copy(update={**changes, **found.fields, "value": found.value})


def _undecided(record: Record) -> dict[str, Any]:
    """The fields of a record whose rows are not decided: what scores alone tell stands as it was."""

    def kept(name: str, estimate: Estimate) -> Estimate:
        return estimate if name in _OF_SCORES else UNDEFINED

    how = [name for name in vars(Described()) if not name.startswith("calibration")]
    return {
        **dict.fromkeys((*how, "value", "constant", "confusion")),
        "metrics": {name: kept(name, of) for name, of in record.metrics.items()},
        "each": {name: tuple(kept(name, one) for one in of) for name, of in record.each.items()},
    }
