"""A finished trial under other threshold rules, from its stored raw scores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.evaluation.binary import (
    ALWAYS,
    Policy,
    asks_events,
    calibration_of,
    cross_fitted,
    policy_of_trial,
)
from search.evaluation.threshold_metrics import ThresholdMetrics
from search.events.evaluation import CrossFitted, event_choice
from search.record import Estimate, Record, defined
from search.scores.calibration import Calibration
from search.scores.crossfit import SCORE_METRICS
from search.scores.crossfit_sweep import Side, cross_fits
from search.scores.half_splits import Halves
from search.scores.ranking import Ranked, positives, ranked, ranked_already
from search.scores.reference import Reference
from search.scores.thresholds import NO_LIMITS, Choice, Limits, choice_among, fixed_choice, nearest_cuts
from spaces.errors import TrialError
from spaces.policies import Chosen, Fixed, SensitivityAtFaPerDay
from spaces.study import Study


@dataclass(frozen=True)
class _Chosen:
    """A threshold chosen on all rows; the reason if it does not count; None if no cut meets the rule."""

    choice: Choice | None
    error: str | None = None


class BinaryRescoring:
    """Applies other threshold rules and limits to the trials of a run.

    Args:
        reference: the validation rows.
        study: names calibration, events, seed, and the metric that becomes `value`.
        policies: the rules; None stands for the trial's own.
        limits: bounds on metrics that a threshold must meet.
    """

    def __init__(
        self,
        reference: Reference,
        study: Study,
        policies: Sequence[Policy | None],
        limits: Limits = NO_LIMITS,
    ) -> None:
        self._reference, self._study = reference, study
        self._policies, self._limits = tuple(policies), limits
        self._positive = positives(reference.y, reference.y)
        mask = np.asfortranarray(reference.halves.mask)  # each split is read by itself, for every trial
        self._halves = Halves(reference.halves.by, mask)
        self._metrics = ThresholdMetrics(reference, study)

    def of(self, record: Record, raw: NDArray[np.float32]) -> list[Record]:
        """Returns the record as each rule would have made it.

        `value`, threshold, plateau and the metrics at the threshold with their intervals are those of
        `search.evaluation.scoring.evaluate`, bit for bit. What no threshold changes stands as it was. Where a
        rule or the limits cannot be met, `value` is None and `error` says so; the rest is then of the cut
        that falls short of the limits by least, or undefined if it is the rule itself that cannot be met.

        Args:
            record: of a trial that has not failed.
            raw: its raw scores `(n,)`.
        """
        own, asked = policy_of_trial(self._study, record.ask), self._policies
        always = record.ask.baseline == ALWAYS  # which no rule changes
        policies = [own if policy is None or always else policy for policy in asked]
        score, rows = _calibration(record).apply(raw), ranked(raw)
        by_score = ranked_already(rows.order, score[rows.order] + np.float32(0))
        side = Side(by_score, self._positive[rows.order])
        chosen = [self._chosen(side, score, policy) for policy in policies]
        values = self._values(record, raw, rows, policies, chosen)
        thresholds = [None if one.choice is None else one.choice.threshold_score for one in chosen]
        metrics = self._metrics.at(thresholds, side, rows.order, score)
        names = [own.policy if always else (policy or self._study.threshold).policy for policy in asked]
        return [
            _changed(record, self._study.objective.metric, name, one, value, found)
            for name, one, value, found in zip(names, chosen, values, metrics, strict=True)
        ]

    def _chosen(self, side: Side, score: NDArray[np.float32], policy: Policy) -> _Chosen:
        try:
            return _Chosen(self._choice(side, score, policy, self._limits))
        except TrialError as error:
            reason = str(error)
        if not self._limits.bounds:
            return _Chosen(None, reason)
        try:
            free = self._choice(side, score, policy, NO_LIMITS)
        except TrialError as error:  # the rule itself cannot be met, with or without limits
            return _Chosen(None, str(error))
        if isinstance(policy, Fixed):
            return _Chosen(free, reason)
        every = side.counts(np.arange(side.scores.size + 1))
        return _Chosen(choice_among(side.scores, nearest_cuts(every, self._limits)), reason)

    def _choice(self, side: Side, score: NDArray[np.float32], policy: Policy, limits: Limits) -> Choice:
        if isinstance(policy, SensitivityAtFaPerDay):
            return event_choice(self._reference, score, policy, self._study.events, limits)
        if not isinstance(policy, Fixed):
            return choice_among(side.scores, side.best(policy, limits))
        choice = fixed_choice(side.scores, policy)
        if not limits.kept(side.at(np.array([choice.threshold_score], np.float32))).all():
            raise TrialError(f"the fixed threshold {policy.at:g} does not meet {limits}")
        return choice

    def _values(
        self,
        record: Record,
        raw: NDArray[np.float32],
        rows: Ranked,
        policies: list[Policy],
        chosen: list[_Chosen],
    ) -> list[CrossFitted]:
        """The cross-fitted objective of each rule that has a threshold; NaN for the others."""
        metric = self._study.objective.metric
        values = [CrossFitted(math.nan, math.nan)] * len(policies)
        met = [k for k, one in enumerate(chosen) if one.error is None]
        if metric in SCORE_METRICS:  # one value whatever the threshold
            if met and metric == record.objective and record.value is not None:
                one = CrossFitted(record.value, math.nan)
            elif met:
                one = cross_fitted(raw, self._reference, self._study, policies[met[0]])
            return [one if k in met else value for k, value in enumerate(values)]
        plain: list[tuple[int, Chosen]] = []
        for k in met:
            policy = policies[k]
            if asks_events(metric, policy) or isinstance(policy, SensitivityAtFaPerDay):
                values[k] = cross_fitted(raw, self._reference, self._study, policy, self._limits)
            else:
                plain.append((k, policy))
        if plain:
            found = self._cross_fits(record, raw, rows, [policy for _, policy in plain])
            for (k, _), value in zip(plain, found, strict=True):
                values[k] = CrossFitted(value, math.nan)
        return values

    def _cross_fits(
        self, record: Record, raw: NDArray[np.float32], rows: Ranked, policies: list[Chosen]
    ) -> list[float]:
        return cross_fits(
            raw,
            self._positive,
            rows,
            self._halves,
            calibration_of(self._study),
            policies,
            self._study.objective.metric,
            self._limits,
            method=self._study.objective.calibration,
            prevalence=self._study.objective.prevalence,
            whole=_calibration(record) if record.calibration_note is None else None,
        )


def _calibration(record: Record) -> Calibration:
    return Calibration(float(record.calibration_a or 1), float(record.calibration_b or 0))


def _changed(
    record: Record,
    objective: str,
    policy: str,
    chosen: _Chosen,
    value: CrossFitted,
    metrics: dict[str, Estimate],
) -> Record:
    changes: dict[str, Any] = {
        "objective": objective,
        "threshold_policy": policy,
        "value": defined(value.value),
        "value_fa_per_day": defined(value.fa_per_day),
        **dict.fromkeys(("threshold_score", "threshold", "plateau_low", "plateau_high")),
        "metrics": record.metrics | metrics,
        "error": chosen.error,
    }
    if (choice := chosen.choice) is not None:
        changes |= {"threshold_score": choice.threshold_score, "threshold": choice.threshold}
        changes |= {"plateau_low": choice.low, "plateau_high": choice.high}
    return record.model_copy(update=changes)
