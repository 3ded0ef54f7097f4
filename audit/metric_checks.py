"""The rules of metrics."""

import math

from audit.case import Case
from audit.finding import Finding
from audit.model_facts import LabelFacts, MetricFacts
from audit.names import ENTROPIES, HINGES, PROBABILITIES, SQUARED

_ACCURACIES = frozenset(
    {"accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"}
)

_OF_CLASSES = frozenset({"precision", "recall", "auc", "f1_score", "fbeta_score"})


def of_metrics(case: Case, *, wrong: bool) -> list[Finding]:
    """Returns what is wrong with the metrics of an output.

    Args:
        wrong: whether its last layer or loss is wrong already: what follows from that is not said again.
    """
    found = []
    for metric in case.metrics:
        one = _regression(case, metric) or _columns(case, metric) or _without_threshold(case, metric)
        if one is None and not wrong:
            one = _another(case, metric)
        if one is not None:
            found.append(one)
    return found


def _regression(case: Case, metric: MetricFacts) -> Finding | None:
    loss, labels, activation = case.loss, case.labels, case.head.activation
    if metric.name not in _ACCURACIES or loss is None or loss.name not in SQUARED or activation is None:
        return None
    encoding = None if labels is None else labels.encoding
    if encoding is None and (_within(labels) or any(one.name in _OF_CLASSES for one in case.metrics)):
        # Targets from 0 to 1, or other metrics of decisions, are of classes.
        return None
    if encoding not in (None, "real") or (encoding is None and activation in PROBABILITIES):
        return None
    if encoding is None and metric.name == "binary_accuracy":
        # Whoever names it has labels of 0 and 1.
        return None
    return case.found(
        "HS301",
        metric.place,
        "the model predicts a number, and accuracy counts the targets that are met "
        "exactly, or on the same side "
        "of 0.5: it says nothing of how far off they are",
        'the mean absolute error: metrics=["mae"]',
    )


def _within(labels: LabelFacts | None) -> bool:
    """Says whether labels surely lie within 0 and 1."""
    if labels is None or labels.low is None or labels.high is None:
        return False
    return labels.low >= 0 and labels.high <= 1


def _columns(case: Case, metric: MetricFacts) -> Finding | None:
    units = case.head.units
    if case.head.activation != "softmax" or units is None or units < 2 or metric.one_column:
        return None
    if metric.name in ("precision", "recall") or (metric.name == "auc" and units == 2):
        name = {"precision": "Precision", "recall": "Recall"}.get(metric.name, "AUC")
        return case.found(
            "HS302",
            metric.place,
            f"{name} counts all {units} columns together, of which one is right in each row: "
            "it is not that of "
            "the positive class"
            + (", and precision, recall and accuracy come out alike" if units == 2 else ""),
            f"{name}(class_id=1)" if metric.name != "auc" else "AUC of column 1 of predict()'s outputs",
        )
    return None


def _without_threshold(case: Case, metric: MetricFacts) -> Finding | None:
    if metric.name not in ("f1_score", "fbeta_score") or metric.threshold is not None:
        return None
    head = case.head
    if head.activation not in ("sigmoid", "hard_sigmoid") and not (head.units == 1 and _logits(case)):
        return None
    one = head.units == 1
    return case.found(
        "HS303",
        metric.place,
        "F1Score without a threshold decides for the largest column of each row: "
        + ("of one column that is always yes" if one else "of columns that answer for themselves just one"),
        "F1Score(threshold=0.5)",
    )


def _logits(case: Case) -> bool:
    loss = case.loss
    if loss is None or case.head.activation != "linear":
        return False
    return loss.name in HINGES or (loss.name in ENTROPIES and loss.from_logits is True)


def _another(case: Case, metric: MetricFacts) -> Finding | None:
    head, name = case.head, metric.name
    loss = "" if case.loss is None else case.loss.name or ""
    encoding = None if case.labels is None else case.labels.encoding
    why, fix = "", ""
    cuts = name in ("accuracy", "binary_accuracy", "precision", "recall")
    if name == "accuracy" and head.units != 1:
        cuts = False
    if cuts and metric.threshold is None and _logits(case) and (head.units == 1 or loss.startswith("binary")):
        at = "a margin of 0.5" if loss in HINGES else "p = 0.622"
        why = f"the outputs are logits, and {name} cuts them at 0.5, which is {at}"
        fix = {
            "precision": "Precision(thresholds=0)",
            "recall": "Recall(thresholds=0)",
        }.get(name or "", 'BinaryAccuracy(threshold=0, name="accuracy")')
    elif name == "auc" and metric.from_logits is False and head.units == 1 and _logits(case):
        why = "the outputs are logits, and AUC takes thresholds from 0 to 1"
        fix = "AUC(from_logits=True)"
    elif name == "binary_accuracy" and head.activation == "softmax" and (head.units or 0) >= 2:
        why = "binary_accuracy counts columns that are right, and of softmax columns only whole rows can be"
        fix = '"accuracy"'
    elif name in ("categorical_accuracy", "sparse_categorical_accuracy") and head.units == 1:
        why = f"{name} takes the largest column, and of one column that is always the first"
        fix = '"accuracy", or "binary_accuracy"'
    elif name == "categorical_accuracy" and (loss.startswith("sparse_") or encoding == "integers"):
        why = "categorical_accuracy takes one-hot labels, and these are class numbers"
        fix = '"sparse_categorical_accuracy", or "accuracy"'
    elif name == "sparse_categorical_accuracy" and (
        loss == "categorical_crossentropy" or encoding == "one_hot"
    ):
        why = "sparse_categorical_accuracy takes class numbers, and these labels are one-hot"
        fix = '"categorical_accuracy", or "accuracy"'
    elif name in ("accuracy", "categorical_accuracy") and encoding == "multi_hot" and head.units != 1:
        why = f"rows have several labels or none, and {name} compares the largest column of each alone"
        fix = '"binary_accuracy", or F1Score(threshold=0.5)'
    if not why or (metric.threshold is not None and math.isnan(metric.threshold)):
        return None
    return case.found("HS305", metric.place, why, fix)
