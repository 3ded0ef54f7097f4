"""The rules of labels: their encoding, range, shape and weights, against the loss and the last layer."""

from audit.case import Case, other_loss
from audit.finding import Finding
from audit.head_checks import shown
from audit.labels import CUT, PIXELS
from audit.model_facts import LabelFacts, LossFacts
from audit.names import HINGES, SQUARED

BROADCAST = frozenset({"hinge", "squared_hinge", "categorical_hinge", "kl_divergence", "poisson"})
"""Functions of Keras 3.15 that bring labels (n,) and outputs (n, 1) to a matrix (n, n) without a word."""
_OF_COLUMNS = frozenset({"categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge"})
_BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
_EXACT = ("keras.datasets", "load_")


def of_labels(case: Case) -> list[Finding]:
    """Returns what is wrong with the labels of an output: the first that is."""
    loss, labels = case.loss, case.labels
    if loss is None or loss.name is None or labels is None:
        return []
    if loss.plain and loss.name in BROADCAST and labels.rank == 1 and case.head.units == 1:
        return [_broadcast(case)]
    for rule in (_words, _encoding, _units, _range):
        found = rule(case, loss, labels)
        if found is not None:
            return [found]
    return []


def _said(labels: LabelFacts) -> str:
    if labels.encoding is None and labels.seen:
        return f"the labels are {'of ' * (labels.seen != PIXELS)}{labels.seen}"
    kind = {
        "integers": "class numbers",
        "one_hot": "one-hot",
        "multi_hot": "rows of several labels or none",
        "signed": "-1 and +1",
        "real": "real numbers",
        "text": "words",
    }.get(labels.encoding or "", "unknown")
    return f"the labels are {kind}" + (f" ({labels.seen})" if labels.seen else "")


def _broadcast(case: Case) -> Finding:
    return case.found(
        "HS203",
        case.loss_place,
        "the labels have shape (n,) and the outputs (n, 1): the loss compares every "
        "label with every output, and "
        "its mean is of n x n values",
        "give labels of shape (n, 1): y[:, None], or take column 0 of the outputs",
    )


def _words(case: Case, loss: LossFacts, labels: LabelFacts) -> Finding | None:
    if labels.encoding != "text":
        return None
    return case.found(
        "HS202",
        case.model.place,
        f"{_said(labels)}, and a loss compares numbers",
        "encode them first, such as by LabelEncoder",
    )


def _encoding(case: Case, loss: LossFacts, labels: LabelFacts) -> Finding | None:
    units = case.head.units
    several = units is None or units > 1
    if loss.name in _OF_COLUMNS and labels.encoding == "integers" and several:
        sparse = loss.name == "categorical_crossentropy"
        return case.found(
            "HS201",
            case.loss_place,
            f"{_said(labels)}, and {shown(loss.name)} takes one-hot columns",
            "sparse categorical cross-entropy, or labels by to_categorical"
            if sparse
            else "labels by to_categorical",
            (other_loss(loss, "sparse_categorical_crossentropy") if sparse else None,),
        )
    sparse_loss = loss.name == "sparse_categorical_crossentropy"
    if sparse_loss and labels.encoding in ("one_hot", "multi_hot") and labels.columns != 1:
        one_hot = labels.encoding == "one_hot"
        return case.found(
            "HS201",
            case.loss_place,
            f"{_said(labels)}, and {shown(loss.name)} takes class numbers",
            "categorical cross-entropy" if one_hot else "sigmoid with binary cross-entropy",
            (other_loss(loss, "categorical_crossentropy") if one_hot else None,),
        )
    over_columns = loss.name in _BINARY or loss.name in SQUARED
    if (
        over_columns
        and labels.encoding == "integers"
        and units is not None
        and units > 1
        and labels.rank == 1
    ):
        return case.found(
            "HS201",
            case.loss_place,
            f"{_said(labels)}, of shape (n,), and {shown(loss.name)} over {units} columns "
            f"takes {units} columns "
            "of labels",
            "softmax with sparse categorical cross-entropy, or labels by to_categorical",
        )
    return None


def _units(case: Case, loss: LossFacts, labels: LabelFacts) -> Finding | None:
    units, place = case.head.units, case.head.base.place
    if units is None or case.head.rank not in (None, 2):
        return None
    columns = labels.columns
    if labels.encoding in ("one_hot", "multi_hot") and columns is not None and columns != units:
        ends = (
            "Keras spreads the column over all of them without a word"
            if units == 1 and (loss.name in SQUARED or loss.name in HINGES)
            else "training stops with an error of shapes"
        )
        return case.found(
            "HS107",
            place,
            f"the last layer has {units} unit{'s' * (units != 1)}, and {_said(labels)} with "
            f"{columns} columns: "
            f"{ends}",
            f"{columns} units"
            if units != 1 or labels.encoding == "multi_hot"
            else f"{columns} units with softmax, or labels in one column",
        )
    if units == 1 and labels.encoding == "one_hot" and columns is None:
        return case.found(
            "HS107",
            place,
            f"the last layer has 1 unit, and {_said(labels)}: a column for each class",
            "a unit for each class with softmax, or labels in one column",
        )
    if labels.encoding == "integers" and labels.classes is not None:
        exact = labels.seen.startswith(_EXACT)
        if loss.name == "sparse_categorical_crossentropy" and (
            units < labels.classes or (exact and units > labels.classes)
        ):
            low = units < labels.classes
            return case.found(
                "HS107",
                place,
                f"the last layer has {units} units, and there are {labels.classes} classes ({labels.seen}): "
                + (
                    "the labels beyond have no column"
                    if low
                    else "it trains, and the columns beyond are wasted: they are never the answer"
                ),
                f"{labels.classes} units",
                severity=None if low else "note",
            )
        if units == 1 and labels.classes > 2 and (loss.name in _BINARY or loss.name in HINGES):
            return case.found(
                "HS107",
                place,
                f"the last layer has one unit, and there are {labels.classes} classes "
                f"({labels.seen}): one unit "
                "tells at most one from the rest",
                f"{labels.classes} units with softmax and sparse categorical cross-entropy",
            )
    return None


def _range(case: Case, loss: LossFacts, labels: LabelFacts) -> Finding | None:
    low, high = labels.low, labels.high
    place = case.loss_place
    if loss.name in _BINARY and labels.encoding == "signed":
        return case.found(
            "HS202",
            place,
            f"{_said(labels)}, and {shown(loss.name)} is defined from 0 to 1: of -1 it has no "
            "least value, and "
            "the loss falls to minus infinity",
            "labels 0 and 1: (y + 1) / 2, or hinge, which takes -1 and +1",
        )
    if loss.name in _BINARY and low is not None and high is not None and (low < 0 or high > 1):
        return case.found(
            "HS202",
            place,
            f"{_said(labels)} from {low:g} to {high:g}, and {shown(loss.name)} is defined from 0 to 1",
            "labels 0 and 1, or a linear last layer with the mean squared error for numbers",
        )
    if loss.name == "sparse_categorical_crossentropy" and labels.seen not in (PIXELS, CUT):
        units = case.head.units
        beyond = (
            units is not None and high is not None and labels.encoding in ("integers", None) and high >= units
        )
        if labels.encoding in ("signed", "real") or (low is not None and low < 0) or beyond:
            return case.found(
                "HS202",
                place,
                f"{_said(labels)}, and {shown(loss.name)} takes class numbers from 0 to "
                + ("one less than the units" if units is None else str(units - 1)),
                "class numbers from 0, such as by LabelEncoder",
            )
    if loss.name in HINGES and low is not None and high is not None and (low < -1 or high > 1):
        return case.found(
            "HS202",
            place,
            f"{_said(labels)} from {low:g} to {high:g}, and {shown(loss.name)} takes -1 and +1, or 0 and 1",
            "labels -1 and +1, or the mean squared error for numbers",
        )
    return None


def of_weights(case: Case) -> list[Finding]:
    """Returns what is wrong with the class weights."""
    weights, labels, loss = case.model.weights, case.labels, case.loss
    if weights is None:
        return []
    words = [repr(label) for label in weights.labels or () if isinstance(label, str)]
    if words:
        return [
            case.found(
                "HS205",
                weights.place,
                f"class_weight names {', '.join(words)}, and Keras looks weights up by class number: these "
                "are never used, and every row weighs 1, or training stops",
                "the class numbers as keys, from 0",
            )
        ]
    if labels is not None and labels.encoding == "multi_hot":
        return [
            case.found(
                "HS205",
                weights.place,
                "class_weight weighs each row by its first label alone, and rows have several labels or none",
                "weigh each label in the loss, or give sample_weight",
            )
        ]
    classes = None if labels is None else labels.classes
    if classes is None and loss is not None and loss.name is not None:
        one = case.head.units == 1 and loss.name in _BINARY
        columns = "categorical_crossentropy" in loss.name
        classes = 2 if one else case.head.units if columns else None
    if weights.labels is None or classes is None or not weights.labels:
        return []
    beyond = [label for label in weights.labels if not isinstance(label, int) or not 0 <= label < classes]
    if not beyond:
        return []
    return [
        case.found(
            "HS205",
            weights.place,
            f"class_weight names {', '.join(map(str, beyond))}, and the labels are 0 to "
            f"{classes - 1}: its weight is "
            "never used, and a label without one weighs 1",
            f"a weight for each label from 0 to {classes - 1}",
        )
    ]
