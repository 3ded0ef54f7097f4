"""Which head takes which loss: every pair people write is valid, equivalent to another, or refused.

The measurements behind the reasons: 336 fits in Keras 3 of each output layer with each loss. The pairs of a
binary task stand here, those of the others in `spaces.task_pairs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from spaces.errors import RunError
from spaces.pair_table import PairTable, Verdict
from spaces.task_pairs import CLASSES, LABELS, NUMBER

if TYPE_CHECKING:
    from spaces.tasks import TaskName

LOSS_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "binary_crossentropy": "bce",
        "log_loss": "bce",
        "categorical_crossentropy": "cce",
        "sparse_categorical_crossentropy": "sparse_cce",
        "binary_focal_crossentropy": "focal",
        "categorical_focal_crossentropy": "focal",
        "mean_squared_error": "mse",
    }
)
"""Names that Keras and others give to our losses."""

WRITTEN_HEADS: Mapping[str, str] = MappingProxyType(
    {
        "sigmoid": "Dense(1, sigmoid)",
        "softmax": "Dense(2, softmax)",
        "margin": "Dense(1)",
        "two_sigmoids": "Dense(2, sigmoid)",
        "softmax_1": "Dense(1, softmax)",
        "sigmoid_2": "Dense(2, sigmoid)",
        "linear": "Dense(1)",
        "linear_2": "Dense(2)",
        "tanh": "Dense(1, tanh)",
    }
)
"""Output layers that people write, and how they write them in Keras."""

WRITTEN_LOSSES = ("bce", "cce", "sparse_cce", "focal", "brier", "mse", "hinge", "squared_hinge", "accuracy")


_ONE_COLUMN_CCE = (
    "categorical cross-entropy compares columns, and with one column its loss is 0 whatever is learned"
)
_BOUNDED_HINGE = "hinge asks for a margin beyond -1 and 1, which an output held within (0, 1) cannot reach"
_SOFTMAX_1 = "softmax over one unit is the constant 1: the network cannot answer anything else"
_SOFTMAX_BCE = (
    "binary cross-entropy on two softmax columns trains two independent sigmoids on TensorFlow, "
    "and predict() speaks of another model"
)
_SOFTMAX_HINGE = "hinge on softmax columns never sees a margin, only probabilities within (0, 1)"
_SIGMOID_2_CCE = (
    "categorical cross-entropy on two sigmoid columns trains a softmax of their logits on TensorFlow, "
    "and predict() speaks of another model"
)
_SIGMOID_2_HINGE = "hinge on sigmoid columns never sees a margin, only probabilities within (0, 1)"
_LINEAR_2_HINGE = "hinge on two linear units trains two margins of one question"
_TANH = "tanh ends at -1 and 1, so the logit is lost and cross-entropy of a negative output is undefined"
_TANH_HINGE = "tanh only touches the margin at infinity, so its gradient dies first"
_ACCURACY = "accuracy is a metric, not a loss: it has no gradient, and Keras cuts a linear unit at 0.5"

_LINEAR_MSE = (
    "squared error of a linear unit is a regression of 0 and 1: its output is neither logit nor probability"
)

_NEAREST: Mapping[str, tuple[str, str]] = {
    "bce": ("sigmoid", "bce"),
    "cce": ("softmax", "cce"),
    "sparse_cce": ("softmax", "cce"),
    "focal": ("sigmoid", "focal"),
    "brier": ("sigmoid", "brier"),
    "mse": ("sigmoid", "brier"),
    "hinge": ("margin", "hinge"),
    "squared_hinge": ("margin", "squared_hinge"),
    "accuracy": ("sigmoid", "bce"),
}
"""The valid pair that is named where a loss is refused, unless the head has a nearer one."""
_NEARER: Mapping[tuple[str, str], tuple[str, str]] = {
    ("sigmoid", "cce"): ("sigmoid", "bce"),
    ("sigmoid", "sparse_cce"): ("sigmoid", "bce"),
    ("softmax", "bce"): ("softmax", "cce"),
    ("linear_2", "mse"): ("softmax", "brier"),
}
_ENTROPIES, _HINGES = ("cce", "sparse_cce"), ("hinge", "squared_hinge")
_REFUSED: Mapping[tuple[str, str], str] = {
    (head, loss): why
    for heads, losses, why in (
        (WRITTEN_HEADS, ("accuracy",), _ACCURACY),
        (("softmax_1",), WRITTEN_LOSSES[:-1], _SOFTMAX_1),
        (("tanh",), ("bce", *_ENTROPIES, "focal", "brier", "mse"), _TANH),
        (("tanh",), _HINGES, _TANH_HINGE),
        (("sigmoid", "margin", "linear"), _ENTROPIES, _ONE_COLUMN_CCE),
        (("sigmoid",), _HINGES, _BOUNDED_HINGE),
        (("softmax",), ("bce",), _SOFTMAX_BCE),
        (("softmax",), _HINGES, _SOFTMAX_HINGE),
        (("two_sigmoids", "sigmoid_2"), _ENTROPIES, _SIGMOID_2_CCE),
        (("two_sigmoids", "sigmoid_2"), _HINGES, _SIGMOID_2_HINGE),
        (("linear_2",), _HINGES, _LINEAR_2_HINGE),
        (("margin", "linear", "linear_2"), ("mse",), _LINEAR_MSE),
    )
    for head in heads
    for loss in losses
}

_SPARSE = "the labels are written as integers instead of columns; loss and gradient are identical"
_ONE_LINEAR = "one linear unit with the loss taken from its logit is the {} head"
_TWO_LINEAR = "two linear units with the loss taken from the logits are the softmax head"
_TWO_SIGMOIDS = "two columns that each answer for themselves are the two_sigmoids head"
_MSE = "the squared error of a probability is the Brier score"
_SAME: Mapping[tuple[str, str], tuple[str, tuple[str, str]]] = {
    **{(head, "mse"): (_MSE, (head, "brier")) for head in ("sigmoid", "softmax", "two_sigmoids")},
    ("sigmoid_2", "mse"): (_MSE, ("two_sigmoids", "brier")),
    **{("sigmoid_2", loss): (_TWO_SIGMOIDS, ("two_sigmoids", loss)) for loss in ("bce", "focal", "brier")},
    ("linear_2", "bce"): (_TWO_SIGMOIDS, ("two_sigmoids", "bce")),
    **{(head, "sparse_cce"): (_SPARSE, ("softmax", "cce")) for head in ("softmax", "linear_2")},
    **{
        (head, loss): (_ONE_LINEAR.format("sigmoid"), ("sigmoid", loss))
        for head in ("margin", "linear")
        for loss in ("bce", "focal", "brier")
    },
    **{("linear", loss): (_ONE_LINEAR.format("margin"), ("margin", loss)) for loss in _HINGES},
    **{("linear_2", loss): (_TWO_LINEAR, ("softmax", loss)) for loss in ("cce", "focal", "brier")},
}


TABLES: Mapping[TaskName, PairTable] = MappingProxyType(
    {
        "binary": PairTable(
            task="binary",
            heads=WRITTEN_HEADS,
            losses=WRITTEN_LOSSES,
            spellings=LOSS_SPELLINGS,
            same=_SAME,
            refused=_REFUSED,
            nearest=_NEAREST,
            nearer=_NEARER,
        ),
        "classes": CLASSES,
        "labels": LABELS,
        "number": NUMBER,
    }
)
"""Every pair of every kind of task."""


def judge(head: str, loss: str, task: TaskName = "binary") -> Verdict:
    """Says what becomes of a head with a loss, both spelled as people write them.

    Raises:
        RunError: a name is unknown; the nearest known one is named.
    """
    return TABLES[task].judge(head, loss)


def resolve(head: str, loss: str, task: TaskName = "binary") -> tuple[str, str]:
    """Returns the head and loss that a written pair stands for.

    Raises:
        RunError: the pair is refused; the rule, the pair and the nearest valid one are named.
    """
    verdict = judge(head, loss, task)
    if verdict.kind == "refused":
        near_head, near_loss = verdict.instead
        raise RunError(
            f"{verdict.why}; got head {head} ({TABLES[task].heads[head]}) with loss {loss}; "
            f"nearest valid: head {near_head} with loss {near_loss}"
        )
    return verdict.instead


def resolve_any(head: str, loss: str) -> tuple[str, str]:
    """Returns a written pair as it stands where some kind of task takes it: which one, the data say later.

    Raises:
        RunError: none does; the reason is that of the first kind that knows both names, binary before others.
    """
    refusal: RunError | None = None
    for task in TABLES:
        try:
            resolve(head, loss, task)
        except RunError as error:
            known = head in TABLES[task].heads
            refusal = error if refusal is None or (known and "nearest is" in str(refusal)) else refusal
        else:
            return head, loss
    raise refusal or RunError("no kind of task is known")
