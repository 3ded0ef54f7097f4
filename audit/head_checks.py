"""The rules of the last layer and the loss."""

from audit.case import Case, other_loss, replaced
from audit.finding import Edit, Finding
from audit.names import BOUNDED, ENTROPIES, HINGES, METRICS, NON_NEGATIVE, SQUARED, UNBOUNDED
from audit.pairs import refusal

_OVER_COLUMNS = frozenset(
    {"categorical_crossentropy", "sparse_categorical_crossentropy", "categorical_focal_crossentropy"}
)
_SHOWN = {
    "binary_crossentropy": "binary cross-entropy",
    "categorical_crossentropy": "categorical cross-entropy",
    "sparse_categorical_crossentropy": "sparse categorical cross-entropy",
}


def shown(loss: str | None) -> str:
    """Returns the name of a loss in words."""
    return _SHOWN.get(loss or "", (loss or "an unknown loss").replace("_", " "))


def of_head(case: Case) -> list[Finding]:
    """Returns what is wrong with the last layer, alone and under its loss."""
    head = case.head
    found = []
    if head.step is not None and case.model.trained:
        return [_without_gradient(case)]
    if head.units == 1 and head.activation == "softmax":
        return [_constant(case)]
    if head.before not in ("linear", None) and head.activation not in ("linear", None):
        found.append(_twice(case))
    pair = _of_pair(case)
    return found if pair is None else [*found, pair]


def _without_gradient(case: Case) -> Finding:
    step = case.head.step or case.head.last
    return case.found(
        "HS110",
        step.place,
        f"the model ends in {step.without_gradient}, whose gradient is 0 or none: nothing "
        "below it is trained",
        "train on the values before it, and decide on predict()'s outputs",
    )


def _constant(case: Case) -> Finding:
    head, loss = case.head, case.loss
    name = None if loss is None else loss.name
    edits: tuple[Edit | None, ...] = (replaced(head.last.activation_at, "sigmoid"),)
    if name in _OVER_COLUMNS:
        edits = (*edits, other_loss(loss, "binary_crossentropy"))
    elif name not in _BINARY | SQUARED:
        edits = (None,)
    of_columns = case.labels is not None and case.labels.encoding in ("one_hot", "multi_hot")
    if of_columns or (head.last is not head.base and head.before not in ("linear", None)):
        edits = (None,)
    return case.found(
        "HS101",
        head.last.place,
        f"{case.layer}: softmax over one unit is the constant 1, whatever is learned: "
        "every row gets the same "
        "answer",
        "Dense(1, sigmoid) with binary cross-entropy, or Dense(2, softmax) with sparse "
        "categorical cross-entropy",
        edits,
    )


def _twice(case: Case) -> Finding:
    head = case.head
    return case.found(
        "HS109",
        head.last.place,
        f"{head.activation} is applied to what {head.before} has already transformed: the "
        "outputs are no longer "
        f"what {head.activation} of the logits would be",
        f"leave the last {head.base.kind} linear, or drop the second activation",
        (replaced(head.base.activation_at, "linear"),),
    )


def _of_pair(case: Case) -> Finding | None:
    head, loss = case.head, case.loss
    if loss is None or loss.name is None:
        return None
    if loss.name in METRICS:
        name = "F1" if loss.name == "f1_score" else "AUC" if loss.name == "auc" else loss.name
        return case.found(
            "HS113",
            case.loss_place,
            f"{name} is a metric, not a loss: it counts decisions, which have no gradient to train by",
            f"a loss that fits the last layer, such as binary cross-entropy, and {name} among the metrics",
        )
    activation = head.activation
    if activation is None:
        return None
    if loss.name in ENTROPIES and loss.from_logits and activation in BOUNDED | NON_NEGATIVE:
        return _activated_logits(case)
    refused = refusal(case)
    if refused is not None:
        task, why, near = refused
        rule = _rule(case, task)
        place = head.last.place if rule in ("HS104", "HS107", "HS111", "HS204") else case.loss_place
        if rule == "HS202" and loss.name in SQUARED:
            place = head.last.place
        if rule == "HS102" and loss.name != "categorical_crossentropy" and head.units != 1:
            place = head.last.place
        return case.found(
            rule,
            place,
            f"{case.layer} with {shown(loss.name)}: {why}",
            f"{near}{_how(case, rule)}",
            _edits(case, rule),
        )
    return _without_table(case)


def _how(case: Case, rule: str) -> str:
    if rule == "HS103" and case.labels is None:
        return "; where rows have several labels, sigmoid in place of softmax"
    if rule == "HS102" and case.head.units != 1 and case.labels is None:
        return "; where rows have several labels, sigmoid with binary cross-entropy"
    return ""


def _activated_logits(case: Case) -> Finding:
    head, loss = case.head, case.loss
    at = None if loss is None else loss.from_logits_at
    edit = (
        None
        if at is None or at.text != "True"
        else Edit(start=at.place.start, end=at.place.end, text="False")
    )
    fits = (head.activation == "sigmoid") == (loss is not None and loss.name in _BINARY)
    return case.found(
        "HS105",
        case.loss_place,
        f"from_logits=True applies an activation to what {head.activation} has already "
        "activated: the loss is of "
        "other outputs than predict() gives",
        f"from_logits=False, or a last layer without {head.activation}",
        (edit if head.activation in ("sigmoid", "softmax") and fits else None,),
    )


_BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})


def _rule(case: Case, task: str) -> str:
    head, name = case.head, "" if case.loss is None else case.loss.name or ""
    one = head.units == 1
    if name in SQUARED:
        if task == "number":
            return "HS202"
        if task == "labels" and head.activation == "softmax":
            return "HS204"
        return "HS107" if one and task != "binary" and head.activation != "linear" else "HS108"
    if name in HINGES or name == "categorical_hinge":
        if head.activation in BOUNDED | NON_NEGATIVE:
            return "HS111"
        if not one:
            return "HS204" if name == "categorical_hinge" else "HS112"
        return "HS202" if task == "number" else "HS107"
    if name in _OVER_COLUMNS:
        if one:
            return "HS102"
        if head.activation == "tanh":
            return "HS104"
        if head.activation in ("softmax", "linear"):
            return "HS201" if name.startswith("sparse") else "HS204"
        return "HS102"
    if head.activation == "softmax":
        return "HS103"
    if head.activation in UNBOUNDED | {"tanh"}:
        return "HS104"
    return "HS202" if task == "number" else "HS107"


def _edits(case: Case, rule: str) -> tuple[Edit | None, ...]:
    head, loss = case.head, case.loss
    encoding = None if case.labels is None else case.labels.encoding
    if rule == "HS102" and head.units == 1 and head.activation == "sigmoid" and encoding != "one_hot":
        return (other_loss(loss, "binary_crossentropy"),)
    if rule == "HS102" and head.units != 1:
        exclusive = encoding in ("integers", "one_hot") or (
            loss is not None and loss.name == "sparse_categorical_crossentropy"
        )
        if exclusive:
            return (replaced(head.last.activation_at, "softmax"),)
        if encoding == "multi_hot":
            return (other_loss(loss, "binary_crossentropy"),)
    if rule == "HS103":
        if encoding == "multi_hot":
            return (replaced(head.last.activation_at, "sigmoid"),)
        if encoding == "integers":
            return (other_loss(loss, "sparse_categorical_crossentropy"),)
        if encoding == "one_hot" or head.units == 2:
            return (other_loss(loss, "categorical_crossentropy"),)
    if rule == "HS204" and loss is not None and loss.name == "categorical_crossentropy":
        return (
            replaced(head.last.activation_at, "sigmoid"),
            other_loss(loss, "binary_crossentropy"),
        )
    if rule == "HS104":
        to = "sigmoid" if loss is not None and loss.name in _BINARY else "softmax"
        return (replaced(head.last.activation_at, to),)
    if rule == "HS202" and loss is not None and loss.name in SQUARED:
        return (replaced(head.last.activation_at, "linear"),)
    if rule == "HS111" and head.activation == "tanh":
        return (replaced(head.last.activation_at, "linear"),)
    return (None,)


def _without_table(case: Case) -> Finding | None:
    """Returns what is wrong with a pair that the tables take, or do not know, as Keras computes it."""
    head, loss = case.head, case.loss
    if loss is None or loss.name is None or head.activation is None:
        return None
    encoding = None if case.labels is None else case.labels.encoding
    if loss.name in SQUARED - {"mean_squared_error"} and encoding in ("integers", "one_hot", "multi_hot"):
        return case.found(
            "HS108",
            case.loss_place,
            f"{case.layer} with {shown(loss.name)}: the labels are classes, and this error of numbers is "
            "least at other outputs than their probabilities",
            "sigmoid with binary cross-entropy, or softmax with categorical cross-entropy",
        )
    takes_logs = loss.name in ENTROPIES and loss.from_logits is False
    if not takes_logs and loss.name != "kl_divergence":
        if loss.name in HINGES and head.activation in NON_NEGATIVE:
            return case.found(
                "HS111",
                head.last.place,
                f"{head.activation} gives no value below 0, and hinge asks for margins below -1",
                "a last layer without activation",
                (replaced(head.last.activation_at, "linear"),),
            )
        return None
    if loss.name in _OVER_COLUMNS and head.units == 1:
        return case.found(
            "HS102",
            case.loss_place,
            f"{case.layer} with {shown(loss.name)}: it compares columns, and there is one",
            "Dense(1, sigmoid) with binary cross-entropy",
        )
    name = "sigmoid" if loss.name in _BINARY else "softmax"
    if head.activation in UNBOUNDED | {"tanh", "softsign"}:
        return case.found(
            "HS104",
            head.last.place,
            f"{case.layer} with {shown(loss.name)}: the loss takes the logarithm of probabilities, and "
            f"{head.activation} gives values outside of 0 to 1, which Keras clips without a word",
            f"{name} in place of {head.activation}",
            _edits(case, "HS104"),
        )
    if head.activation == "linear":
        return case.found(
            "HS106",
            head.base.place,
            f"{case.layer} has no activation, and {shown(loss.name)} expects probabilities: "
            "logits below 0 and "
            "above 1 are clipped, and have no gradient",
            f"{name} as the last activation, or from_logits=True in the loss",
            (_with_activation(case, name),),
        )
    return None


def _with_activation(case: Case, name: str) -> Edit | None:
    base = case.head.base
    if base is not case.head.last or base.kind != "Dense":
        return None
    if base.activation_at is not None:
        return replaced(base.activation_at, name)
    written = base.written
    if written is None or "activation" in written.text or not written.text.endswith(")"):
        return None
    inside = written.text[:-1].rstrip().removesuffix(",")
    return Edit(start=written.place.start, end=written.place.end, text=f'{inside}, activation="{name}")')
