"""The rules of decodes: what a program makes of predictions."""

import ast
from dataclasses import replace
from typing import Any

from audit.call import Runner
from audit.finding import Edit
from audit.heads import Head, head_of
from audit.model_facts import LayerFacts, OutputFacts, Place
from audit.names import ENTROPIES, HINGES
from audit.values import UNKNOWN, Array, Served, known


def head(served: Served) -> Head | None:
    """Returns what the output amounts to whose predictions these are."""
    return head_of(served.output)


def are_logits(served: Served) -> bool:
    """Says whether predictions are surely logits or margins."""
    found = head(served)
    loss = served.loss
    if found is None or found.activation != "linear" or loss is None:
        return False
    return loss.name in HINGES or (loss.name in ENTROPIES and loss.from_logits is True)


def cut(runner: Runner, node: ast.AST, array: Array, at: Any) -> Any:
    """Returns predictions that are cut at a threshold."""
    served = array.served
    if served is None:
        return UNKNOWN
    value = known(at)
    if isinstance(value, int | float) and 0 < value < 1 and are_logits(served) and not served.cut:
        runner.report(
            "HS404",
            runner.place(node),
            f"the model gives logits, and a cut at {value:g} asks for more than "
            f"a probability of {value:g}: of a logit, {value:g} is p = {_sigmoid(value):.3f}",
            "cut logits at 0, or take the sigmoid of them first",
            seen=_seen(served),
        )
    if isinstance(value, int | float) and 0 < value < 1 and served.loss is not None:
        runner.classified.add(served.loss.place.start)
    chosen = at.chosen if isinstance(at, Array) else None
    if chosen is not None and chosen[1] == "test" and array.part == "test":
        chosen_on_test(runner, chosen[0])
    candidate = isinstance(at, Array) and at.statistic == "candidate"
    return replace(array, served=replace(served, cut=True), statistic="candidate" if candidate else "")


def _sigmoid(value: float) -> float:
    return float(1 / (1 + 2.718281828459045**-value))


def rounded(runner: Runner, node: ast.AST, array: Array) -> Any:
    """Returns predictions that are rounded."""
    served = array.served
    if served is None:
        return array
    if are_logits(served) and not served.cut:
        runner.report(
            "HS404",
            runner.place(node),
            "the model gives logits, and rounding them cuts at 0.5, which is p = 0.622, and gives numbers "
            "beyond 0 and 1",
            "cut logits at 0, or take the sigmoid of them first",
            seen=_seen(served),
        )
    return replace(array, served=replace(served, cut=True))


def by_hand(runner: Runner, node: ast.AST, one: Array, other: Array) -> None:
    """Reports labels `(n,)` that a program itself sets against outputs `(n, 1)`."""
    given, labels = (one, other) if one.served is not None else (other, one)
    served = given.served
    found = None if served is None else head(served)
    if served is None or found is None or found.units != 1 or found.rank not in (None, 2):
        return
    if served.column is not None or served.row or given.many is not True:
        return
    several = labels.many is True or labels.labels.encoding in ("integers", "signed")
    if labels.served is not None or labels.labels.rank != 1 or labels.many is False or not several:
        return
    runner.report(
        "HS203",
        runner.place(node),
        "the labels have shape (n,) and the outputs (n, 1): every label meets every output, which "
        "makes n x n values, or stops",
        "give labels of shape (n, 1): y[:, None], or take column 0 of the outputs",
        seen=_seen(served),
    )


def squashed(array: Array, activation: str, place: Place) -> Array:
    """Returns predictions after a sigmoid or softmax."""
    if array.served is None:
        return array
    layer = LayerFacts(kind=activation, activation=activation, changes_columns=False, place=place)
    output = OutputFacts(layers=(*array.served.output.layers, layer), name=array.served.output.name)
    return replace(array, served=replace(array.served, output=output))


def largest(runner: Runner, node: ast.AST, array: Array, axis: Any, edits: tuple[Edit, ...] = ()) -> Any:
    """Returns the argmax of predictions.

    Args:
        axis: the axis, None where none is given.
        edits: what gives it an axis.
    """
    served = array.served
    if served is None:
        return UNKNOWN
    decided = replace(array, served=replace(served, cut=True))
    found = head(served)
    along = known(axis)
    if found is None or served.column is not None or served.cut or (axis is not None and along == 0):
        return decided
    if axis is not None and along is UNKNOWN:
        return decided
    if found.rank is not None and found.rank > 2:
        # Of steps or pixels, argmax over another axis than the columns tells where, not what.
        last = found.rank - 1 - served.row
        if axis is None or along not in (-1, last):
            return decided
    whole = axis is None and not served.row
    trained = served.loss is not None and served.loss.name in ENTROPIES | HINGES
    classifier = trained or found.activation in ("sigmoid", "softmax", "hard_sigmoid")
    if found.units == 1 and classifier:
        if whole and array.many is not False:
            runner.report(
                "HS402",
                runner.place(node),
                "argmax without an axis is one number, the place of the largest prediction of all rows, and "
                "with an axis it would always be 0: the model has one column",
                f"cut the column at a threshold: {_cut_of(served)}",
                seen=_seen(served),
            )
        else:
            runner.report(
                "HS401",
                runner.place(node),
                "the model has one column, and argmax over one column is always 0: no row is ever positive",
                f"cut the column at a threshold: {_cut_of(served)}",
                seen=_seen(served),
            )
    elif (
        found.units is not None
        and found.units > 1
        and whole
        and array.many is True
        and found.rank in (None, 2)
    ):
        runner.report(
            "HS402",
            runner.place(node),
            f"argmax without an axis is one number for all rows, within 0 and {found.units} times the rows",
            "say axis=1, which gives each row its own class",
            edits=edits,
            seen=_seen(served),
        )
    elif served.labels is not None and served.labels.encoding == "multi_hot":
        runner.report(
            "HS403",
            runner.place(node),
            "rows have several labels or none, and argmax gives every row exactly one",
            "cut each column at a threshold of its own, such as predictions > 0.5",
            seen=_seen(served),
        )
    return decided


def _cut_of(served: Served) -> str:
    return "predictions[:, 0] > 0" if are_logits(served) else "predictions[:, 0] > 0.5"


def as_labels(
    runner: Runner, node: ast.AST, array: Array, *, scored: bool = False, rows: bool = False
) -> None:
    """Notes that predictions are used as what tells the positive class.

    Args:
        scored: whether as they are, such as by a ROC curve; else after a cut.
        rows: whether those of one row are too.
    """
    served = array.served
    found = None if served is None else head(served)
    if served is None or found is None or served.column != 0 or (served.row and not rows):
        return
    if found.units == 2 and found.activation == "softmax" and served.cut != scored:
        runner.report(
            "HS405",
            served.column_at or runner.place(node),
            "column 0 of a softmax over two classes is the probability of class 0, so that "
            "the positive class "
            "is taken for the negative one",
            "take column 1: predictions[:, 1]",
            seen=_seen(served),
        )


def chosen_on_test(runner: Runner, place: Place) -> None:
    """Reports a threshold that is chosen on the rows it is measured on."""
    runner.report(
        "HS501",
        place,
        "the threshold is chosen on the test rows, so that what is measured on them flatters",
        "choose it on validation rows, and use the test rows once, with the threshold fixed",
    )


def _seen(served: Served) -> str:
    return f"predictions of line {served.place.start[0]}" if served.place.start != (1, 0) else ""
