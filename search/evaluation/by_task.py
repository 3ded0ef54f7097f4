"""The scoring of each task: what evaluation, comparisons and bundles ask, made of a study and a rule."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from search.evaluation.binary import BinaryScoring, Policy
from search.evaluation.multiclass import ClassScoring
from search.evaluation.multilabel import LabelScoring
from search.evaluation.regression import NumberScoring
from search.evaluation.scoring import Contending, Scoring
from search.record import Record
from search.scores.reference import Reference
from spaces.base import Label
from spaces.policies import ClassRule, LabelRule, Rule
from spaces.study import Study
from spaces.tasks import TaskName


def _of_two(study: Study, rule: Rule, answers: Sequence[Label]) -> BinaryScoring:
    return BinaryScoring(study, cast("Policy", rule))


def _of_classes(study: Study, rule: Rule, answers: Sequence[Label]) -> ClassScoring:
    return ClassScoring(
        classes=tuple(answers),
        rule=cast("ClassRule", rule),
        calibration=study.objective.calibration,
        metric=study.objective.metric,
        seed=study.seed,
        events=study.events,
    )


def _of_labels(study: Study, rule: Rule, answers: Sequence[Label]) -> LabelScoring:
    return LabelScoring(
        names=tuple(answers),
        rule=cast("LabelRule", rule),
        calibration=study.objective.calibration,
        metric=study.objective.metric,
        seed=study.seed,
    )


def _of_number(study: Study, rule: Rule, answers: Sequence[Label]) -> NumberScoring:
    return NumberScoring(metric=study.objective.metric, seed=study.seed)


SCORINGS: Mapping[TaskName, Callable[[Study, Rule, Sequence[Label]], Scoring[Any]]] = MappingProxyType(
    {"binary": _of_two, "classes": _of_classes, "labels": _of_labels, "number": _of_number}
)
"""By the task: a study, the rule of its decisions, and the classes or labels -> what evaluates scores."""


def scoring_for(study: Study, rule: Rule, reference: Reference) -> Scoring[Any]:
    """Returns what evaluates scores of some rows by a rule."""
    return SCORINGS[study.task.name](study, rule, reference.answers)


def contending_for(study: Study, reference: Reference) -> Contending:
    """Returns what comparisons ask of a study that is not binary, by its own rule."""
    return cast("Contending", scoring_for(study, study.threshold, reference))


def claims_probabilities(record: Record) -> bool:
    """Whether what a trial's scores say may be called probabilities."""
    found = record.metrics.get("brier")
    return found is not None and found.value is not None
