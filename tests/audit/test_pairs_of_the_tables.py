"""Every pair of the tables of `spaces`, written as a Keras program: refused "
"there is found here, valid is clean."""

import pytest

from spaces.pairs import TABLES
from tests.audit.reading import audited

LABELS = {
    "binary": "X, y = make_classification(n_samples=500, n_classes=2)",
    "classes": "X, y = make_classification(n_samples=500, n_classes=5, n_informative=9)",
    "labels": "X, y = make_multilabel_classification(n_classes=5)",
    "number": "X, y = make_regression()",
}
LAYERS = {
    "sigmoid": (1, "sigmoid"),
    "softmax": (None, "softmax"),
    "margin": (None, None),
    "two_sigmoids": (2, "sigmoid"),
    "softmax_1": (1, "softmax"),
    "sigmoid_2": (2, "sigmoid"),
    "linear": (1, None),
    "linear_2": (2, None),
    "tanh": (1, "tanh"),
    "relu": (1, "relu"),
    "one_vs_rest": (5, "sigmoid"),
    "sigmoid_k": (5, "sigmoid"),
    "sigmoids": (5, "sigmoid"),
    "linear_k": (5, None),
}
WIDTHS = {("binary", "softmax"): 2, ("binary", "margin"): 1}
"""Columns of heads that have several in some tasks."""
LOSSES = {
    "bce": "BinaryCrossentropy({})",
    "cce": "CategoricalCrossentropy({})",
    "sparse_cce": "SparseCategoricalCrossentropy({})",
    "mse": "MeanSquaredError()",
    "brier": "MeanSquaredError()",
    "mae": "MeanAbsoluteError()",
    "huber": "Huber()",
    "hinge": "Hinge()",
    "squared_hinge": "SquaredHinge()",
    "categorical_hinge": "CategoricalHinge()",
}
PAIRS = [
    (task, head, loss)
    for task, table in TABLES.items()
    for head in table.heads
    for loss in table.losses
    # Keras has no asymmetric loss, and its squared error takes no logits.
    if loss != "asymmetric" and not (loss == "brier" and LAYERS[head][1] is None)
]


def program(task: str, head: str, loss: str) -> str:
    """A pair, as people write it in Keras: labels as the loss takes them, and its "
    "`from_logits` told truly."""
    units, activation = LAYERS[head]
    units = units or WIDTHS.get((task, head), 5)
    logits = "from_logits=True" if activation is None else ""
    if loss == "focal":
        kind = "Categorical" if activation == "softmax" or (activation is None and units == 2) else "Binary"
        kind = "Categorical" if activation is None and units == 5 and task == "classes" else kind
        written = f"keras.losses.{kind}FocalCrossentropy({logits})"
    elif loss == "accuracy":
        written, kind = "'accuracy'", ""
    else:
        written, kind = f"keras.losses.{LOSSES[loss].format(logits)}", ""
    columns = task in ("binary", "classes") and units > 1 and loss != "sparse_cce"
    last = f"keras.layers.Dense({units}{f', activation={activation!r}' if activation else ''})"
    return "\n".join(
        [
            "from tensorflow import keras",
            f"from sklearn.datasets import {LABELS[task].partition('= ')[2].partition('(')[0]}",
            LABELS[task],
            f"y = keras.utils.to_categorical(y, {units})" if columns else "",
            "model = keras.Sequential([keras.layers.Dense(8, activation='relu'),",
            f"    {last}])",
            f"model.compile(loss={written}, optimizer='adam')",
            "model.fit(X, y)",
        ]
    )


@pytest.mark.parametrize(("task", "head", "loss"), PAIRS, ids=str)
def test_a_refused_pair_is_found_and_a_valid_one_is_clean(task, head, loss):
    verdict = TABLES[task].judge(head, loss)
    text = program(task, head, loss)
    result = audited(text)
    assert result.error is None
    rules = [one.rule.id for one in result.findings]
    assert bool(rules) == (verdict.kind == "refused"), f"{rules} for {verdict}\n{text}"
    assert len(rules) <= 1


def test_what_is_found_gives_the_reason_of_the_table_and_the_nearest_pair():
    verdict = TABLES["classes"].judge("sigmoid_k", "cce")
    (finding,) = audited(program("classes", "sigmoid_k", "cce")).findings
    assert verdict.why in finding.message
    assert finding.fix == "Dense(K, softmax) with categorical cross-entropy"
