"""Attributes, indices, arithmetic and comparisons of arrays, tensors and lists."""

import ast
from dataclasses import replace
from typing import Any

from audit import decode_checks
from audit.call import Runner
from audit.keras_layers import tail
from audit.labels import CUT, PIXELS, TABLE, of_literal, shifted
from audit.model_facts import LabelFacts, LayerFacts, Place
from audit.names import ENTROPIES
from audit.split_parts import GROUPED
from audit.values import (
    UNKNOWN,
    Array,
    Fitted,
    Items,
    Known,
    Loss,
    Method,
    Network,
    Rows,
    Table,
    Tensor,
    known,
    text,
)


def outputs_of(network: Network, *, one: bool) -> Any:
    """Returns the outputs of a model as tensors."""
    if not network.outputs:
        return Tensor()
    tensors = tuple(Tensor(output) for output in network.outputs)
    return tensors[0] if len(tensors) == 1 and one else Items(tensors)


def attribute(owner: Any, name: str) -> Any:
    """Returns an attribute of an array or a data set."""
    if isinstance(owner, Rows):
        return {"data": owner.features, "target": owner.labels, "labels": owner.labels}.get(
            name, Method(owner, name)
        )
    if name in ("values", "iloc", "loc", "array", "data"):
        return owner
    if name == "shape" and owner.overlaps:
        return Items((Array(statistic="count", overlaps=True), UNKNOWN))
    if name in ("shape", "index", "columns", "T", "size", "ndim"):
        return UNKNOWN
    return Method(owner, name)


def literal(node: ast.List | ast.Set, place: Place) -> Any:
    """Returns a long literal list, which is data."""
    try:
        values = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN
    return Array(labels=of_literal(values, place), roots=frozenset({f"literal {place.start}"}), many=True)


def subscript(reader: Runner, node: ast.Subscript, owner: Any, index: Any) -> Any:
    """Returns what an index gives."""
    if isinstance(owner, Items):
        return _item(owner, node.slice, index)
    if isinstance(owner, Table):
        key = known(index)
        return UNKNOWN if key is UNKNOWN or owner.open else owner.get(Known(key))
    if isinstance(owner, Array):
        return _of_array(reader, node, owner, index)
    if isinstance(owner, Tensor) and owner.model is None:
        return tail(owner, LayerFacts(kind="an index", activation=None))
    return UNKNOWN


def _item(owner: Items, at: ast.expr, index: Any) -> Any:
    place = known(index)
    if isinstance(place, int) and not owner.open and -len(owner.values) <= place < len(owner.values):
        return owner.values[place]
    if isinstance(at, ast.Slice) and not owner.open:
        bounds = [None if one is None else _number(one) for one in (at.lower, at.upper, at.step)]
        if UNKNOWN not in bounds and bounds[2] != 0:
            return Items(owner.values[slice(*bounds)])
    if isinstance(at, ast.Slice):
        return Items((), open=True)
    chosen = [one for one in owner.values if isinstance(one, Array) and one.chosen is not None]
    return chosen[0] if chosen else UNKNOWN


def _number(node: ast.expr) -> Any:
    try:
        found = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN
    return found if isinstance(found, int) else UNKNOWN


def _of_array(reader: Runner, node: ast.Subscript, array: Array, index: Any) -> Any:
    at = node.slice
    name = text(index)
    if name is not None:
        if GROUPED.match(name):
            reader.groups.setdefault(name, reader.place(node))
        facts = LabelFacts(rank=1 if array.labels.seen == TABLE else None)
        return Array(facts, array.roots, array.part, array.many, name, array.fitted)
    if isinstance(index, Items) and index.values and all(text(one) is not None for one in index.values):
        if len(index.values) > 1 and {text(one) for one in index.values} <= array.telling:
            count = len(index.values)
            facts = LabelFacts(
                encoding="multi_hot",
                classes=count,
                columns=count,
                rank=2,
                low=0,
                high=1,
                place=reader.place(node),
                seen="columns of words that a text holds",
            )
            return replace(array, labels=facts)
        return replace(array, labels=LabelFacts())
    if array.served is not None:
        return _of_predictions(reader, node, array, index)
    if array.labels.seen == "np.eye" and isinstance(index, Array | Items):
        facts = replace(array.labels, rank=2, encoding="one_hot", seen="np.eye", place=reader.place(node))
        source = index if isinstance(index, Array) else Array()
        return replace(source, labels=facts)
    if isinstance(at, ast.Tuple) and array.labels.seen in (PIXELS, CUT):
        return array
    if isinstance(at, ast.Tuple):
        parts = [_axis(part) for part in at.elts]
        if parts in (["all", "new"], ["rest", "new"]):
            return replace(array, labels=replace(array.labels, rank=2, columns=1))
        if parts[:1] == ["new"] or parts[:2] == ["rest", "new"]:
            return replace(array, labels=LabelFacts(), many=False if parts[0] == "new" else array.many)
        of_table = array.labels.seen == TABLE
        if len(parts) == 2 and parts[1] == "number" and (array.labels.rank == 2 or of_table):
            facts = LabelFacts(rank=1)
            if array.labels.encoding in ("one_hot", "multi_hot"):
                facts = LabelFacts(rank=1, encoding="integers", classes=2, low=0, high=1)
            return replace(array, labels=facts)
        if parts[:1] == ["all"] or array.labels == LabelFacts():
            return replace(array, labels=LabelFacts())
        return replace(array, labels=replace(array.labels, rank=None, columns=None))
    if array.chosen is not None and not isinstance(at, ast.Slice):
        picked = isinstance(index, Array) and index.chosen is not None
        if picked and array.chosen[1] == "test":
            decode_checks.chosen_on_test(reader, array.chosen[0])
        return replace(array, statistic="") if picked else Array()
    if isinstance(at, ast.Slice):
        width = _width(at)
        if array.shuffled is not None and (at.lower is None) != (at.upper is None):
            part = "first" if at.lower is None else "last"
            held = reader.overlapping if array.overlaps else reader.permuted
            _, taken = held.get(array.shuffled.start, (array.shuffled, frozenset()))
            held[array.shuffled.start] = (array.shuffled, taken | {part})
        some = array.part or ("some" if at.lower is not None or at.upper is not None else "")
        return replace(array, many=False if width == 1 else array.many, part=some)
    if _axis(at) == "new":
        return replace(array, labels=LabelFacts(), many=False)
    if _axis(at) == "number" or isinstance(index, Known):
        return Array(roots=array.roots, part=array.part, many=False)
    if isinstance(index, Array) and index.statistic == "index":
        return Array(roots=array.roots, part=array.part, many=False)
    # Which rows these are is not known: classes may be left out.
    facts = array.labels
    if facts.encoding == "integers":
        facts = replace(facts, classes=None, low=None, high=None)
    shuffled = index.shuffled if isinstance(index, Array) else None
    several = isinstance(index, Array) and index.many is True and index.labels.rank == 1
    many = True if several else array.many
    return replace(array, part=array.part or "some", labels=facts, many=many, shuffled=shuffled)


def _width(at: ast.Slice) -> int | None:
    lower = 0 if at.lower is None else _number(at.lower)
    upper = None if at.upper is None else _number(at.upper)
    if isinstance(lower, int) and isinstance(upper, int):
        return upper - lower
    if at.lower is not None and at.upper is not None:
        one, other = ast.unparse(at.lower), ast.unparse(at.upper)
        return 1 if other == f"{one} + 1" else None
    return None


def _axis(part: ast.expr) -> str:
    if isinstance(part, ast.Slice):
        return "all" if part.lower is None and part.upper is None else "some"
    if isinstance(part, ast.Constant):
        return (
            "new"
            if part.value is None
            else "rest"
            if part.value is Ellipsis
            else "number"
            if isinstance(part.value, int)
            else "other"
        )
    if isinstance(part, ast.UnaryOp) and isinstance(part.operand, ast.Constant):
        return "number"
    return "new" if ast.unparse(part).endswith("newaxis") else "other"


def _of_predictions(reader: Runner, node: ast.Subscript, array: Array, index: Any) -> Any:
    served, at, at_place = array.served, node.slice, reader.place(node)
    head = None if served is None else decode_checks.head(served)
    units = None if head is None else head.units
    if served is None or (served.cut and units != 1):
        return array

    def column(part: ast.expr) -> int | None:
        number = _number(part)
        if not isinstance(number, int):
            return None
        return number + units if number < 0 and units is not None else number

    if isinstance(at, ast.Tuple) and len(at.elts) == 2:
        taken = column(at.elts[1])
        first = _axis(at.elts[0])
        if taken is None:
            return replace(array, served=None)
        row = served.row or first == "number"
        return replace(array, served=replace(served, column=taken, column_at=at_place, row=row))
    if isinstance(at, ast.Slice):
        return array
    if served.row:
        taken = column(at)
        return (
            array
            if taken is None
            else replace(array, served=replace(served, column=taken, column_at=at_place))
        )
    row = _axis(at) == "number" or isinstance(index, Known)
    if row or (isinstance(index, Array) and index.statistic == "index"):
        return replace(array, served=replace(served, row=True), many=False)
    # One row or several: which is not known.
    return array if isinstance(at, ast.Compare) else replace(array, served=None)


def arithmetic(reader: Runner, node: ast.BinOp, left: Any, right: Any) -> Any:
    """Returns what arithmetic gives of tensors, losses and arrays."""
    if isinstance(left, Loss) or isinstance(right, Loss):
        return _weighed(node.op, left, right)
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        tensor = left if isinstance(left, Tensor) else right
        if tensor.model is not None or (isinstance(left, Tensor) and isinstance(right, Tensor)):
            return Tensor(tail(Tensor(), LayerFacts(kind="arithmetic", activation=None)).output)
        return tail(tensor, LayerFacts(kind="arithmetic", activation=None, changes_columns=False))
    if isinstance(left, Array) and isinstance(right, Array):
        if isinstance(node.op, ast.Sub | ast.Mult):
            decode_checks.by_hand(reader, node, left, right)
        if right.statistic in ("mean", "deviation", "least", "greatest") and right.roots & left.roots:
            return _scaled(left, right, reader.place(node))
        chosen = left.chosen or right.chosen
        both = left.roots | right.roots
        return Array(roots=both, part=left.part if left.part == right.part else "", chosen=chosen)
    array = left if isinstance(left, Array) else right
    if not isinstance(array, Array):
        return UNKNOWN
    other = known(right if array is left else left)
    if array.stride is not None:
        return replace(array, stride=_stride(array.stride, node.op, other))
    if array.served is not None and array.served.cut:
        if isinstance(node.op, ast.Mult):
            decode_checks.as_labels(reader, node, array)
        return array
    if array.served is not None:
        return replace(array, served=None)
    if isinstance(other, int | float):
        return replace(array, labels=shifted(array.labels, node.op, other, array is left))
    return replace(array, labels=LabelFacts())


def _stride(
    stride: tuple[int | None, str], operation: ast.operator, other: Any
) -> tuple[int | None, str] | None:
    """Returns the step of what a loop counts after arithmetic with a number."""
    if isinstance(operation, ast.Add | ast.Sub) and isinstance(other, int):
        return stride
    if isinstance(operation, ast.Mult) and isinstance(other, int) and stride[0] is not None:
        return stride[0] * other, ""
    return None


def _weighed(operation: ast.operator, left: Any, right: Any) -> Any:
    """Returns a loss of the program that weighs one of Keras, or adds to it what is none."""
    if isinstance(left, Loss) and isinstance(right, Loss):
        return UNKNOWN
    one = left if isinstance(left, Loss) else right
    weighed = isinstance(operation, ast.Mult) or (isinstance(operation, ast.Div) and one is left)
    # Under a sum only what a cross-entropy asks of its outputs is sure.
    added = isinstance(operation, ast.Add) and one.facts.name in ENTROPIES
    return one if weighed or added else UNKNOWN


def _scaled(array: Array, by: Array, place: Place) -> Array:
    if by.part or by.statistic not in ("mean", "deviation"):
        return replace(array, labels=LabelFacts())
    fitted = Fitted("mean and deviation", place, by.roots)
    if any(one.kind == fitted.kind for one in array.fitted):
        return array
    return replace(array, labels=LabelFacts(), fitted=(*array.fitted, fitted))


def comparison(reader: Runner, node: ast.Compare, left: Any, right: Any) -> Any:
    """Returns what a comparison gives of tensors and arrays."""
    operation = node.ops[0]
    ordered = isinstance(operation, ast.Gt | ast.GtE | ast.Lt | ast.LtE)
    for one in (left, right):
        if isinstance(one, Array) and GROUPED.match(one.name):
            # Rows are taken by whose they are.
            reader.split_by_group = True
        merit = one.chosen if isinstance(one, Array) and one.statistic == "merit" else None
        if ordered and merit is not None and merit[1] == "test":
            decode_checks.chosen_on_test(reader, merit[0])
    if isinstance(left, Tensor) and left.model is None and ordered:
        step = LayerFacts(
            kind="a comparison",
            activation=None,
            place=reader.place(node),
            changes_columns=False,
            without_gradient="a comparison",
        )
        return tail(left, step)
    if isinstance(left, Array) and isinstance(right, Array) and isinstance(operation, ast.Eq):
        decode_checks.by_hand(reader, node, left, right)
    predictions, at, upward = left, right, isinstance(operation, ast.Gt | ast.GtE)
    if isinstance(right, Array) and right.served is not None and not isinstance(left, Array):
        predictions, at, upward = right, left, not upward
    if isinstance(predictions, Array) and predictions.served is not None and ordered:
        made = decode_checks.cut(reader, node, predictions, at)
        if not upward and isinstance(made, Array):
            return replace(made, served=None)
        return made
    if isinstance(left, Array):
        low = LabelFacts(encoding="integers", classes=2, rank=left.labels.rank, low=0, high=1)
        return Array(roots=left.roots, part=left.part, labels=low, name=left.name, chosen=left.chosen)
    return UNKNOWN
