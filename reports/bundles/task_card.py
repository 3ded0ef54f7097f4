"""What a model card says of K classes, K labels and a number: how they are decided, and how each did."""

from collections.abc import Callable, Mapping, Sequence
from itertools import starmap

from reports.bundles.schema import Decided, TrialConfig
from search.record import Estimate
from spaces.base import Label
from spaces.tasks import TaskName

EACH = ("recall", "precision", "f1", "average_precision", "roc_auc")
UNITS: Mapping[TaskName, str] = {
    "classes": "one of the classes {}",
    "labels": "each of the labels {}, for itself",
    "number": "a number, in the units of the training targets",
}


def output_line(config: TrialConfig) -> str:
    """Returns the line on what the model puts out."""
    task, answers = config.labels.task.name, config.labels.answers
    what = "score" if not answers else "score, probability, label"
    return f"- output: {what}; it says {UNITS[task].format(', '.join(map(repr, answers)))}"


def decision_lines(config: TrialConfig) -> list[str]:
    """Returns the lines on decision and calibration."""
    decision, answers = config.decision, config.labels.answers
    lines = [f"- decision: {decision.rule}; chosen by {decision.policy.policy}"]
    for name, values in (("offsets", decision.offsets), ("thresholds", decision.thresholds)):
        if values is not None:
            lines.append(f"- {name}: {_told(answers, values)}")
    if decision.reject_below is not None:
        lines.append(
            f"- rows whose largest probability is below {decision.reject_below:g} are not decided: -1"
        )
    if decision.top_k is not None:
        lines.append(f"- each row is decided to have {decision.top_k} labels")
    return lines + _calibration(decision, answers)


def _calibration(decision: Decided, answers: Sequence[Label]) -> list[str]:
    if not answers:
        return []
    lines = [f"- calibration: {decision.calibration}"]
    if decision.calibration_a is not None:
        lines[0] += f", score = {decision.calibration_a:.6g} * raw"
    for name, values in (("slopes", decision.calibrations_a), ("shifts", decision.calibrations_b)):
        if values is not None:
            lines.append(f"- {name} of the calibration: {_told(answers, values)}")
    known = "calibrated on the validation rows" if decision.probability_is_calibrated else "NOT calibrated"
    return [*lines, f"- the probability is {known}"]


def _told(answers: Sequence[Label], values: Sequence[float]) -> str:
    return ", ".join(f"{answer} {value:.6g}" for answer, value in zip(answers, values, strict=True))


def each_lines(
    config: TrialConfig, number: Callable[[float | None], str], interval: Callable[[Estimate], str]
) -> list[str]:
    """Returns the tables of each class or label on the test rows, and of classes the confusion matrix.

    Args:
        config: what the bundle's `config.yaml` holds.
        number, interval: how tables write them.
    """
    test, answers = config.test, config.labels.answers
    if not test.each:
        return []
    names = [name for name in EACH if name in test.each]

    def cells(k: int, answer: Label) -> str:
        found = (test.each[name][k] for name in names)
        told = (
            f"{number(one.value)} ({interval(one)})" if interval(one) else number(one.value) for one in found
        )
        return f"| {answer} | {' | '.join(told)} |"

    lines = [
        f"| of each, on the test rows (95% interval) | {' | '.join(names)} |",
        "|---" * (len(names) + 1) + "|",
        *starmap(cells, enumerate(answers)),
        "",
    ]
    return lines if test.confusion is None else [*lines, *_matrix(answers, test.confusion), ""]


def _matrix(answers: Sequence[Label], confusion: Sequence[Sequence[float]]) -> list[str]:
    return [
        f"| test rows that are (down) decided to be | {' | '.join(map(str, answers))} | not decided |",
        "|---" * (len(answers) + 2) + "|",
        *(
            f"| {answer} | {' | '.join(f'{count:.0f}' for count in row)} |"
            for answer, row in zip(answers, confusion, strict=True)
        ),
    ]
