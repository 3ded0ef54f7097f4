"""A last layer with a loss, asked of the tables of `spaces`: which pairs are refused, and why."""

from audit.case import Case
from audit.model_facts import LabelFacts
from audit.names import SQUARED

_LOSSES = {
    "binary_crossentropy": "bce",
    "categorical_crossentropy": "cce",
    "sparse_categorical_crossentropy": "sparse_cce",
    "binary_focal_crossentropy": "focal",
    "categorical_focal_crossentropy": "focal",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "huber": "huber",
    "hinge": "hinge",
    "squared_hinge": "squared_hinge",
    "categorical_hinge": "categorical_hinge",
    "accuracy": "accuracy",
}
_ONE = {
    "binary": {"softmax": "softmax_1", "sigmoid": "sigmoid", "linear": "linear", "tanh": "tanh"},
    "classes": {"softmax": "softmax_1", "sigmoid": "sigmoid", "linear": "linear"},
    "labels": {"sigmoid": "sigmoid"},
    "number": {
        "linear": "linear",
        "relu": "relu",
        "sigmoid": "sigmoid",
        "tanh": "tanh",
        "softmax": "softmax_1",
    },
}
_TWO = {"softmax": "softmax", "sigmoid": "sigmoid_2", "linear": "linear_2"}
_MANY = {"softmax": "softmax", "sigmoid": "sigmoid_k", "linear": "linear_k"}
REACH = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, float("inf"))}
"""Between what the values of an activation lie."""


def tasks_of(labels: LabelFacts | None) -> tuple[str, ...]:
    """Returns the kinds of task that labels may belong to; all where nothing is known."""
    if labels is None or labels.encoding in (None, "text"):
        return ("binary", "classes", "labels", "number")
    if labels.encoding == "signed":
        return ("binary",)
    if labels.encoding == "multi_hot":
        return ("labels",)
    if labels.encoding == "real":
        return ("number",)
    if labels.classes is None:
        return ("binary", "classes")
    return ("binary",) if labels.classes == 2 else ("classes",)


def refusal(case: Case) -> tuple[str, str, str] | None:
    """Returns the task that refuses a pair, why, and the nearest valid pair; None where one takes it.

    A pair is refused where every task that the labels leave open, and that knows the pair, refuses it.
    """
    loss, units, activation = case.loss, case.head.units, case.head.activation
    written = _written(case)
    if loss is None or activation is None or written is None:
        return None
    tasks = tasks_of(case.labels)
    open_tasks = len(tasks) == 4
    if loss.name in SQUARED and open_tasks:
        # A number, an image, a value to reach: anything may be trained on a squared error.
        return None
    if open_tasks:
        tasks = tasks[:3]
    if tasks == ("number",) and not _beyond(case.labels, _reach(loss.name, activation)):
        return None
    from spaces.pairs import TABLES

    first: tuple[str, str, str] | None = None
    known = False
    for task in tasks:
        table = TABLES[task]  # type: ignore[index]
        head = _head(task, units, activation)
        if head is None or head not in table.heads or written not in table.losses:
            continue
        known = True
        why = table.refused.get((head, written))
        if why is None:
            return None
        near_head, near_loss = table.nearer.get((head, written), table.nearest[written])
        first = first or (task, why, f"{table.heads[near_head]} with {_in_words(near_loss)}")
    return first if known else None


def _reach(loss: str | None, activation: str) -> tuple[float, float] | None:
    """Returns between what numbers a loss, or the last layer under it, can meet; None if none."""
    if loss in SQUARED:
        return REACH.get(activation)
    # Numbers from 0 to 1 may be probabilities, which binary cross-entropy compares.
    return (0.0, 1.0) if loss in ("binary_crossentropy", "binary_focal_crossentropy") else None


def _beyond(labels: LabelFacts | None, reach: tuple[float, float] | None) -> bool:
    """Says whether numbers surely lie outside of what can be met."""
    if reach is None:
        return True
    low = None if labels is None else labels.low
    high = None if labels is None else labels.high
    return (low is not None and low < reach[0]) or (high is not None and high > reach[1])


def _head(task: str, units: int | None, activation: str) -> str | None:
    if units == 1:
        return _ONE[task].get(activation)
    if task == "number":
        return None
    if task == "binary":
        return _TWO.get(activation) if units == 2 else None
    return _MANY.get(activation)


def _written(case: Case) -> str | None:
    loss, activation = case.loss, case.head.activation
    if loss is None or loss.name is None:
        return None
    # Focal losses are told apart by Keras as cross-entropies are, and by our tables not.
    if loss.name == "binary_focal_crossentropy" and activation == "softmax":
        return "bce"
    if loss.name == "categorical_focal_crossentropy" and (activation == "sigmoid" or case.head.units == 1):
        return "cce"
    return _LOSSES.get(loss.name)


_WORDS = {
    "bce": "binary cross-entropy",
    "cce": "categorical cross-entropy",
    "focal": "a focal loss",
    "brier": "the mean squared error of probabilities",
    "mse": "the mean squared error",
    "mae": "the mean absolute error",
    "huber": "the Huber loss",
    "hinge": "hinge",
    "squared_hinge": "squared hinge",
    "categorical_hinge": "categorical hinge",
    "asymmetric": "an asymmetric loss",
}


def _in_words(loss: str) -> str:
    return _WORDS.get(loss, loss)
