"""The rules of the audit, by id; `docs/audit/ID.md` tells each with a wrong and a right example."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Severity = Literal["error", "warning", "note"]
"""error: it cannot work. warning: it trains, and means something else. note: worth knowing."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of mistake.

    Args:
        id: stable for ever, such as HS101.
        name: a short name in words, such as softmax-over-one-unit.
        severity: see `Severity`.
        summary: one line: what is wrong and why.
    """

    id: str
    name: str
    severity: Severity
    summary: str


def _rules(*rows: tuple[str, str, Severity, str]) -> Mapping[str, Rule]:
    rules = (Rule(id=row[0], name=row[1], severity=row[2], summary=row[3]) for row in rows)
    return MappingProxyType({rule.id: rule for rule in rules})


RULES = _rules(
    ("HS101", "softmax-over-one-unit", "error", "softmax over one unit is the constant 1"),
    (
        "HS102",
        "categorical-loss-without-softmax",
        "warning",
        "categorical cross-entropy over sigmoid columns or one column trains another model, or none",
    ),
    (
        "HS103",
        "binary-cross-entropy-over-softmax",
        "warning",
        "binary cross-entropy over softmax columns trains other outputs than predict() gives",
    ),
    (
        "HS104",
        "unbounded-output-under-probability-loss",
        "error",
        "relu, tanh or the like gives values that are no probabilities to a loss that takes their logarithm",
    ),
    (
        "HS105",
        "activation-applied-twice",
        "warning",
        "from_logits=True over outputs that are activated already",
    ),
    (
        "HS106",
        "logits-taken-for-probabilities",
        "error",
        "a linear output under a loss that expects probabilities",
    ),
    (
        "HS107",
        "units-against-classes",
        "error",
        "the last layer has another number of units than there are classes",
    ),
    (
        "HS108",
        "regression-loss-on-a-classifier",
        "warning",
        "a squared or absolute error trains a classifier",
    ),
    ("HS109", "two-activations-in-a-row", "warning", "a second activation follows the last layer's own"),
    (
        "HS110",
        "gradient-free-output",
        "error",
        "rounding, argmax or a comparison in the model lets no gradient pass",
    ),
    (
        "HS111",
        "bounded-output-under-hinge",
        "warning",
        "hinge asks for margins beyond -1 and 1, which sigmoid, softmax and tanh cannot give",
    ),
    (
        "HS112",
        "hinge-over-columns",
        "warning",
        "hinge over several columns trains margins that nothing makes comparable",
    ),
    ("HS113", "metric-as-loss", "error", "accuracy is a metric and has no gradient to train by"),
    (
        "HS201",
        "label-encoding-against-loss",
        "error",
        "integer labels with categorical cross-entropy, or one-hot labels with the sparse one",
    ),
    (
        "HS202",
        "labels-out-of-range",
        "error",
        "labels that the loss or the output cannot reach or is not defined for",
    ),
    (
        "HS203",
        "shapes-that-broadcast",
        "error",
        "labels (n,) against outputs (n, 1) become a matrix (n, n) in a loss that broadcasts",
    ),
    (
        "HS204",
        "exclusive-head-on-many-labels",
        "warning",
        "rows with several labels or none under softmax and categorical cross-entropy",
    ),
    (
        "HS205",
        "class-weight-that-does-not-fit",
        "warning",
        "class_weight names unknown labels, or labels have columns",
    ),
    ("HS301", "accuracy-of-a-regression", "warning", "accuracy counts targets that are met exactly"),
    (
        "HS302",
        "binary-metric-over-two-columns",
        "warning",
        "Precision, Recall or AUC over softmax columns counts both columns, which is not the positive class",
    ),
    (
        "HS303",
        "f1-without-threshold",
        "warning",
        "Keras' F1Score without a threshold takes the largest column: of one column always 1",
    ),
    (
        "HS304",
        "metric-object-in-two-models",
        "warning",
        "one metric object in two models counts for both",
    ),
    (
        "HS305",
        "accuracy-of-another-output",
        "warning",
        "the accuracy named is of another kind of output or cuts logits at 0.5",
    ),
    ("HS401", "argmax-of-one-column", "error", "argmax over one column is always 0"),
    ("HS402", "argmax-without-axis", "error", "argmax without an axis is one number for all rows"),
    (
        "HS403",
        "argmax-of-many-labels",
        "warning",
        "argmax gives every row one label, and rows have none or several",
    ),
    ("HS404", "probability-cut-on-logits", "warning", "rounding or a cut at 0.5 on outputs that are logits"),
    ("HS405", "cut-on-the-wrong-column", "warning", "column 0 of two is the negative class"),
    (
        "HS501",
        "threshold-chosen-on-test-data",
        "warning",
        "a threshold chosen on the rows it is then measured on",
    ),
    (
        "HS502",
        "fitted-on-test-data",
        "warning",
        "a scaler, selector or resampler fitted before the split, or on test rows",
    ),
    (
        "HS503",
        "random-split-of-grouped-rows",
        "warning",
        "rows of one person or recording fall into both parts",
    ),
    ("HS901", "loss-of-another-model", "error", "evaluate() gives another loss than predict()'s outputs do"),
    ("HS902", "constant-output", "error", "the output is the same for every row"),
    (
        "HS903",
        "rows-do-not-sum-to-one",
        "warning",
        "columns called probabilities of exclusive classes do not sum to one",
    ),
    (
        "HS904",
        "accuracy-of-another-decode",
        "warning",
        "Keras reports another accuracy than the right decode has",
    ),
)
"""Every rule: 1xx last layer and loss, 2xx labels, 3xx metrics, 4xx decode, 5xx evaluation, 9xx probe."""
