"""Functions of numpy, pandas and TensorFlow over arrays of labels and predictions."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from audit import decode_checks
from audit.call import Call, entries
from audit.finding import Edit
from audit.labels import CUT, PIXELS, facts_of, integers, of_literal, plain
from audit.loop_elements import element
from audit.model_facts import LabelFacts
from audit.split_parts import GROUPED
from audit.values import NONE, UNKNOWN, Array, Items, Known, Outside, known, text, whole


def as_array(call: Call, value: Any) -> Array:
    """Returns a value as an array."""
    if isinstance(value, Array):
        return value
    if isinstance(value, Items):
        chosen = next((one.chosen for one in value.values if isinstance(one, Array) and one.chosen), None)
        served = next((one for one in value.values if isinstance(one, Array) and one.served), None)
        if served is not None:
            return served
        inner = [one for one in value.values if isinstance(one, Array)]
        facts = facts_of(value, call.place)
        if inner and len(inner) == len(value.values) and {one.labels.seen for one in inner} == {PIXELS}:
            facts = inner[-1].labels
        windows = any(one.overlaps for one in inner)
        merit = "merit" if chosen else ""
        return Array(labels=facts, chosen=chosen, statistic=merit, overlaps=windows)
    return Array()


def same(call: Call) -> Any:
    """What keeps values as they are."""
    return as_array(call, call.get(0, "x", "a", "object", "data", "value", "array"))


def _type(kind: Any) -> str:
    return kind.dotted.rpartition(".")[2] if isinstance(kind, Outside) else text(kind) or ""


def converted(call: Call) -> Any:
    """`astype` and `cast`."""
    if call.name == "astype":
        array, kind = call.owner, call.get(0, "dtype")
    else:
        array, kind = as_array(call, call.get(0, "x")), call.get(1, "dtype")
    name = _type(kind)
    if array.served is not None and name.startswith(("int", "uint", "float")):
        decode_checks.as_labels(call.runner, call.node, array)
    if array.labels.encoding == "text":
        return replace(array, labels=LabelFacts())
    if name.startswith("bool") and array.served is None:
        facts = LabelFacts(encoding="integers", classes=2, rank=array.labels.rank, low=0, high=1)
        return replace(array, labels=facts)
    return array


def constant(call: Call) -> Any:
    """`np.zeros` and `np.ones`."""
    value = 0.0 if "zeros" in call.name else 1.0
    shape = call.get(0, "shape", "a")
    rank = len(shape.values) if isinstance(shape, Items) and not shape.open else None
    columns = whole(shape.values[-1]) if isinstance(shape, Items) and rank == 2 else None
    if whole(shape) is not None:
        rank = 1
    if _type(call.get(1, "dtype")).startswith("bool"):
        return Array(labels=LabelFacts(rank=rank, columns=columns, place=call.place, seen="bools"))
    return Array(labels=LabelFacts(rank=rank, columns=columns, low=value, high=value, place=call.place))


def grid(call: Call) -> Any:
    """`np.arange` and `np.linspace`: what thresholds are tried from, and the places of rows."""
    count = call.get(0)
    windows = isinstance(count, Array) and count.overlaps
    step = whole(call.get(2, "step"))
    stride = (step, str(step)) if step is not None and call.name == "arange" else None
    return Array(statistic="" if windows else "grid", overlaps=windows, stride=stride)


def statistic(call: Call) -> Any:
    """A mean, deviation, least or greatest value."""
    value = call.owner if isinstance(call.owner, Array) else call.get(0, "a", "x")
    if isinstance(value, Items):
        value = as_array(call, value)
    if not isinstance(value, Array):
        return UNKNOWN
    if call.name in ("max", "amax", "nanmax") and value.chosen is not None and value.statistic == "merit":
        if value.chosen[1] == "test":
            decode_checks.chosen_on_test(call.runner, value.chosen[0])
        return UNKNOWN
    axis = whole(call.get(0 if isinstance(call.owner, Array) else 1, "axis"))
    if axis in (1, -1) and value.labels.rank == 2:
        return Array(LabelFacts(rank=1), value.roots, value.part, value.many)
    kind = {"mean": "mean", "std": "deviation", "min": "least", "max": "greatest"}.get(call.name, "")
    return Array(roots=value.roots, part=value.part, statistic=kind)


def largest(call: Call) -> Any:
    """`argmax`, as a function or a method."""
    if isinstance(call.owner, Array):
        value, axis, at = call.owner, call.get(0, "axis"), 0
    else:
        value, axis, at = call.get(0, "a", "x", "input"), call.get(1, "axis", "dimension", "dim"), 1
    if axis == NONE:
        axis = None
    default_is_rows = call.owner is UNKNOWN and _of_tensorflow(call)
    if isinstance(value, Items):
        value = as_array(call, value)
    if not isinstance(value, Array):
        return UNKNOWN
    if value.chosen is not None and value.served is None:
        if value.chosen[1] == "test" and value.statistic == "merit":
            decode_checks.chosen_on_test(call.runner, value.chosen[0])
        return replace(value, statistic="")
    if value.served is not None and call.name == "argmin":
        return UNKNOWN
    if value.served is not None:
        if axis is None and default_is_rows:
            axis = Known(0)
        return decode_checks.largest(call.runner, call.node, value, axis, _with_axis(call, at))
    if value.labels.encoding == "one_hot" and axis is not None:
        facts = integers(value.labels.classes, call.place, "argmax of one-hot labels")
        return replace(value, labels=facts)
    return replace(value, labels=LabelFacts(rank=1 if axis is not None else None))


def _of_tensorflow(call: Call) -> bool:
    node = call.node
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("tf.", "tensorflow."))


def _with_axis(call: Call, arguments: int) -> tuple[Edit, ...]:
    node = call.node
    if not isinstance(node, ast.Call) or len(node.args) > arguments or node.keywords:
        return ()
    line, column = call.place.end
    comma = ", " if node.args else ""
    return (Edit(start=(line, column - 1), end=(line, column - 1), text=f"{comma}axis=1"),)


def rounded(call: Call) -> Any:
    """`round` and `rint`, as functions or methods."""
    value = call.owner if isinstance(call.owner, Array) else call.get(0, "a", "x", "number")
    if not isinstance(value, Array):
        return UNKNOWN
    return decode_checks.rounded(call.runner, call.node, value)


def along(call: Call) -> Any:
    """`apply_along_axis`: a function of each row."""
    array = call.get(2, "arr")
    call.runner.apply(call.get(0, "func1d"), (element(array),), call.node)
    return Array(roots=array.roots if isinstance(array, Array) else frozenset())


def compared(call: Call) -> Any:
    """`greater` as a function."""
    array = call.get(0, "x", "x1", "a")
    return (
        decode_checks.cut(call.runner, call.node, array, call.get(1, "y", "x2"))
        if isinstance(array, Array)
        else UNKNOWN
    )


def paired(call: Call) -> Any:
    """A function of two arrays, value by value."""
    one, other = (call.get(k, *names) for k, names in enumerate((("x", "x1", "a"), ("y", "x2", "b"))))
    if isinstance(one, Array) and isinstance(other, Array):
        decode_checks.by_hand(call.runner, call.node, one, other)
    return UNKNOWN


def measured(call: Call) -> Any:
    """A function of each value: what thresholds are chosen by stays so."""
    array = call.get(0, "x", "a")
    if not isinstance(array, Array):
        return UNKNOWN
    return replace(array, labels=LabelFacts(), served=None)


def where(call: Call) -> Any:
    """`np.where` of a comparison."""
    held, yes, no = call.get(0, "condition"), call.get(1, "x"), call.get(2, "y")
    if not isinstance(held, Array):
        return UNKNOWN
    values = {known(yes), known(no)}
    if held.served is not None:
        if (known(yes), known(no)) == (1, 0):
            decode_checks.as_labels(call.runner, call.node, held)
        return held
    facts = LabelFacts(rank=held.labels.rank, place=call.place, seen="np.where")
    if values == {0, 1}:
        facts = replace(facts, encoding="integers", classes=2, low=0, high=1)
    elif values == {-1, 1}:
        facts = replace(facts, encoding="signed", classes=2, low=-1, high=1)
    elif all(isinstance(one, int | float) for one in values):
        facts = replace(facts, low=float(min(values)), high=float(max(values)))
    return replace(held, labels=facts)


def reshaped(call: Call) -> Any:
    """`reshape`, `expand_dims`, `ravel`, `squeeze` and the like."""
    method = isinstance(call.owner, Array)
    array = call.owner if method else as_array(call, call.get(0, "a", "x", "input", "tensor"))
    rest = call.args if method else call.args[1:]
    shape = call.get(None, "shape", "newshape") or (rest[0] if len(rest) == 1 else Items(tuple(rest)))
    facts = array.labels
    if facts.seen in (PIXELS, CUT):
        return replace(array, labels=replace(facts, rank=None, columns=None))
    if call.name in ("flatten", "ravel", "squeeze"):
        if array.served is not None:
            return replace(array, served=replace(array.served, column=0) if _one(array) else array.served)
        flat = facts.rank == 1 or facts.columns == 1
        return replace(array, labels=replace(facts, rank=1, columns=None) if flat else LabelFacts())
    if call.name == "expand_dims":
        axis = whole(call.get(0 if method else 1, "axis"))
        if axis == 0:
            return replace(array, many=False, labels=LabelFacts())
        up = facts.rank == 1 and axis in (1, -1)
        return replace(array, labels=replace(facts, rank=2, columns=1) if up else LabelFacts())
    sizes = [whole(one) for one in shape.values] if isinstance(shape, Items) else [whole(shape)]
    if sizes == [-1]:
        sizes = []
        single = facts.rank == 1 or facts.columns == 1
        flat = None if array.served is None else replace(array.served, column=0)
        facts = replace(facts, rank=1, columns=None) if single else LabelFacts()
        return replace(array, labels=facts, served=flat if _one(array) else array.served)
    if len(sizes) == 2 and sizes[1] == 1:
        single = facts.rank == 1 or facts.columns == 1 or facts.encoding in ("integers", "signed")
        return replace(array, labels=replace(facts, rank=2, columns=1) if single else LabelFacts())
    many = False if sizes[:1] == [1] else array.many
    return replace(array, labels=LabelFacts(), many=many, served=None)


def _one(array: Array) -> bool:
    """Says whether these are predictions of one column."""
    found = None if array.served is None else decode_checks.head(array.served)
    return found is not None and found.units == 1


def joined(call: Call) -> Any:
    """`concatenate`, `vstack` and the like."""
    parts = call.get(0, "arrays", "values", "tup")
    if not isinstance(parts, Items) or parts.open or not parts.values:
        return Array()
    arrays = [as_array(call, one) for one in parts.values]
    facts = [one.labels for one in arrays]
    one = arrays[0]
    alike = all(
        (other.encoding, other.columns, other.rank, other.classes)
        == (facts[0].encoding, facts[0].columns, facts[0].rank, facts[0].classes)
        for other in facts
    )
    roots = frozenset().union(*(array.roots for array in arrays))
    made = replace(one, roots=roots, labels=LabelFacts(), served=None, chosen=None)
    if alike and facts[0].encoding is not None and call.name in ("concatenate", "append", "vstack", "concat"):
        return replace(made, labels=facts[0])
    return made


def mapped(call: Call) -> Any:
    """`Series.map` and `replace` with a dictionary."""
    array, given = call.owner, entries(call.get(0, "arg", "to_replace"))
    if given is None or not given:
        return replace(array, labels=LabelFacts())
    values = [plain(one) for one in given.values()]
    if any(one is UNKNOWN or isinstance(one, list) for one in values):
        return replace(array, labels=LabelFacts())
    facts = of_literal(values, call.place)
    return replace(array, labels=replace(facts, rank=1, seen=f"{call.name} with a dictionary"))


def kept(call: Call) -> Any:
    """A method that keeps the values of an array."""
    return call.owner


def features(call: Call) -> Any:
    """A method that gives other columns of the same rows."""
    return replace(call.owner, labels=LabelFacts(), served=None)


def popped(call: Call) -> Any:
    """`DataFrame.pop` and `get`: a column of the same rows."""
    array = call.owner
    return Array(roots=array.roots, part=array.part, name=text(call.get(0, "item")) or "", many=array.many)


def unique(call: Call) -> Any:
    """`unique`: the values of a column, no longer rows."""
    return Array(statistic="unique", name=call.owner.name if isinstance(call.owner, Array) else "")


def among(call: Call) -> Any:
    """`isin`: of a column of groups it takes whole groups."""
    if GROUPED.match(call.owner.name):
        call.runner.split_by_group = True
    return Array(roots=call.owner.roots, part=call.owner.part)


def squashed(call: Call) -> Any:
    """A sigmoid or softmax of predictions."""
    array = call.get(0, "x", "logits")
    if not isinstance(array, Array):
        return UNKNOWN
    name = {"expit": "sigmoid"}.get(call.name, call.name)
    return decode_checks.squashed(array, name, call.place)


_SAME = ("array", "asarray", "float32", "float64", "ascontiguousarray", "copy", "stack")
_JOINED = ("concatenate", "vstack", "hstack", "append", "concat", "r_")
_SHAPED = ("reshape", "expand_dims", "ravel", "squeeze")
ARRAYS: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        **{f"numpy.{name}": same for name in _SAME},
        **{f"numpy.{name}": joined for name in _JOINED},
        **{f"numpy.{name}": reshaped for name in _SHAPED},
        **{f"tensorflow.{name}": reshaped for name in ("reshape", "expand_dims", "squeeze")},
        **{f"numpy.{name}": constant for name in ("zeros", "ones", "zeros_like", "ones_like")},
        **{f"tensorflow.{name}": constant for name in ("zeros", "ones", "zeros_like", "ones_like")},
        **{f"numpy.{name}": grid for name in ("arange", "linspace")},
        **{
            f"numpy.{name}": statistic
            for name in ("mean", "std", "min", "max", "amax", "median", "nanmax", "sum")
        },
        **{f"numpy.{name}": rounded for name in ("round", "rint", "around", "round_")},
        **dict.fromkeys(("keras.backend.round", "keras.ops.round"), rounded),
        **dict.fromkeys(("builtins.round", "tensorflow.round", "tensorflow.math.round"), rounded),
        **{f"numpy.{name}": largest for name in ("argmax", "nanargmax")},
        **{
            f"{name}.argmax": largest
            for name in ("tensorflow", "tensorflow.math", "keras.backend", "keras.ops")
        },
        **dict.fromkeys(("numpy.where", "tensorflow.where", "keras.ops.where"), where),
        **{
            f"{room}.{name}": compared
            for room in ("numpy", "tensorflow", "tensorflow.math", "keras.ops", "keras.backend")
            for name in ("greater", "greater_equal")
        },
        **{f"numpy.{name}": measured for name in ("abs", "absolute", "sqrt", "square", "nan_to_num")},
        **dict.fromkeys(
            ("tensorflow.math.squared_difference", "keras.ops.subtract", "keras.ops.equal"), paired
        ),
        **{f"{room}.{name}": paired for room in ("numpy", "tensorflow") for name in ("subtract", "equal")},
        "numpy.argmin": largest,
        "numpy.apply_along_axis": along,
        "numpy.unique": unique,
        "tensorflow.cast": converted,
        **{f"tensorflow.{name}": same for name in ("constant", "convert_to_tensor", "Variable", "identity")},
        "keras.utils.normalize": same,
        **{f"pandas.{name}": same for name in ("DataFrame", "Series")},
        "pandas.concat": joined,
        "scipy.special.expit": squashed,
        "scipy.special.softmax": squashed,
    }
)
"""Functions over arrays, by their canonical names."""

METHODS: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        "astype": converted,
        "reshape": reshaped,
        "ravel": reshaped,
        "flatten": reshaped,
        "squeeze": reshaped,
        "argmax": largest,
        "round": rounded,
        **dict.fromkeys(("mean", "std", "min", "max", "sum"), statistic),
        **dict.fromkeys(("map", "replace"), mapped),
        **dict.fromkeys(
            (
                *("to_numpy", "copy", "numpy", "tolist", "sample", "reset_index", "dropna", "sort_values"),
                *("toarray", "to_list", "fillna", "head", "get_values", "drop_duplicates", "todense"),
            ),
            kept,
        ),
        **dict.fromkeys(
            ("drop", "filter", "select_dtypes", "transform", "apply", "groupby", "clip"), features
        ),
        **dict.fromkeys(("pop", "get"), popped),
        "isin": among,
        **dict.fromkeys(("unique", "nunique"), unique),
    }
)
"""Methods of arrays."""
