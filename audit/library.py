"""What a call of a library's function or method gives: the tables of those who know, in one place."""

import ast
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from audit import (
    arrays,
    data_set_methods,
    encodings,
    evaluation_checks,
    images,
    keras_layers,
    known_data_sets,
    losses,
    models,
)
from audit.call import Call, Changed, Handler, Model
from audit.keras_layers import STEPS
from audit.loop_elements import element
from audit.names import ACTIVATIONS, loss_name, metric_name
from audit.values import (
    NONE,
    UNKNOWN,
    Array,
    Estimator,
    Function,
    Items,
    Known,
    Layer,
    Loss,
    Method,
    Outside,
    Rows,
    Table,
    Tensor,
    whole,
)

_TENSORS = (
    *("tensorflow", "tensorflow.nn", "tensorflow.math", "keras.ops", "keras.backend", "keras.activations"),
    *("tensorflow.keras.backend", "scipy.special"),
)


def outside(call: Call, dotted: str) -> Any:
    """Calls a function or class of a library."""
    found = KNOWN.get(dotted)
    if dotted.rpartition(".")[2] == "where" and len(call.args) == 3:
        _, one, other = call.args
        if isinstance(one, Loss) and isinstance(other, Loss) and one.facts == other.facts:
            return one
    given = (*call.args, *call.keywords.values())
    if any(isinstance(one, Tensor) for one in given) and not dotted.startswith(("keras.M", "keras.models")):
        made = _of_tensors(call, dotted)
        if made is not None:
            return made
    if found is not None:
        return found(call)
    room, _, name = dotted.rpartition(".")
    if room in ("keras.layers", "keras.activations") and name[:1].isupper():
        return keras_layers.LAYERS.get(name, keras_layers.other)(call)
    if dotted == "functools.partial":
        return losses.partial(call)
    if dotted in ("keras.losses.get", "keras.activations.get"):
        return call.get(0, "identifier", default=UNKNOWN)
    if name in ("mean", "reduce_mean", "sum", "reduce_sum") and isinstance(call.get(0), Loss):
        return call.get(0)
    if room in ("keras.backend", "keras.ops", "tensorflow.nn") and losses.is_loss(name):
        return models.loss_called(call)
    if dotted == "keras.Input":
        return keras_layers.given(call)
    if room in ("keras.losses", "keras.metrics", "keras"):
        return _of_losses(call, room, name)
    if room == "keras.applications" and name[:1].isupper():
        return keras_layers.application(call)
    if room == "keras.preprocessing" and name == "ImageDataGenerator":
        return call.runner.put(Estimator(name))
    if dotted.endswith((".default_rng", ".RandomState")):
        return Outside("numpy.random")
    if room in _TENSORS and name in ("sigmoid", "softmax", "expit"):
        return arrays.squashed(call)
    if room == "builtins":
        return _builtin(call, name)
    return UNKNOWN


def _of_tensors(call: Call, dotted: str) -> Any:
    room, _, name = dotted.rpartition(".")
    if room in ("keras.backend", "keras.ops", "tensorflow.nn") and losses.is_loss(name):
        return models.loss_called(call)
    if room in _TENSORS and name in ("cast", "identity", "convert_to_tensor") and call.args:
        return call.args[0]
    if room in _TENSORS and (name in ACTIVATIONS or name in STEPS or name in ("greater", "less")):
        return keras_layers.operation(call)
    if room in _TENSORS or dotted.startswith("keras.layers."):
        return keras_layers.operation(call)
    return None


def _of_losses(call: Call, room: str, name: str) -> Any:
    if name[:1].isupper():
        if room == "keras.losses" and loss_name(name) is not None:
            return losses.loss_object(call)
        if room == "keras.metrics" and metric_name(name) is not None:
            return losses.metric_object(call)
        return UNKNOWN
    return models.loss_called(call) if len(call.args) > 1 else UNKNOWN


def _builtin(call: Call, name: str) -> Any:
    first = call.get(0)
    if name == "len" and isinstance(first, Items) and not first.open:
        return Known(len(first.values))
    if name in ("int", "float", "str", "bool") and isinstance(first, Known):
        convert: Mapping[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str, "bool": bool}
        try:
            return Known(convert[name](first.value), first.at)
        except (TypeError, ValueError, OverflowError):
            return UNKNOWN
    if name in ("list", "tuple", "sorted", "set", "reversed"):
        if isinstance(first, Items):
            return first if name != "reversed" else Items(first.values[::-1], first.open)
        return first if isinstance(first, Array) else Items(()) if first is None else UNKNOWN
    if name == "dict":
        if call.args or call.open:
            return UNKNOWN
        pairs = tuple((Known(key), value) for key, value in call.keywords.items())
        return call.runner.put(Table(pairs))
    if name == "len" and isinstance(first, Array | Items):
        array = arrays.as_array(call, first)
        return Array(name=array.name, many=array.many, statistic="count", overlaps=array.overlaps)
    if name == "range":
        ends = [whole(one) for one in call.args]
        if ends and None not in ends and len(range(*ends)) <= 4:  # type: ignore[arg-type]
            return Items(tuple(Known(k) for k in range(*ends)))  # type: ignore[arg-type]
        step = call.node_of(2)
        stride = (1, "1") if len(call.args) < 3 else (whole(call.args[2]), ast.unparse(step) if step else "")
        return Array(statistic="count", stride=stride)
    if name == "enumerate" and first is not None:
        return Items((Items((Array(statistic="index"), element(first))),), open=True)
    if name == "zip" and call.args:
        return Items((Items(tuple(element(one) for one in call.args)),), open=True)
    if name == "map" and len(call.args) == 2:
        return Items((call.runner.apply(call.args[0], (element(call.args[1]),), call.node),), open=True)
    if name == "max" and isinstance(call.get(None, "key"), Function):
        made = call.runner.apply(call.keywords["key"], (element(first),), call.node)
        first = made if isinstance(made, Array) else first
    if name == "max" and isinstance(first, Array | Items):
        return arrays.statistic(Call("max", call.node, call.runner, UNKNOWN, (arrays.as_array(call, first),)))
    if name == "round":
        return arrays.rounded(call)
    if name in ("int", "float") and isinstance(first, Array):
        return first
    return UNKNOWN


def method(call: Call) -> Any:
    """Calls a method of a value, whose owner stands in the call."""
    owner = call.owner
    table: Mapping[str, Callable[[Call], Any]] = {}
    if isinstance(owner, Model):
        table, call.owner = models.METHODS, owner.network
        if call.name == "compile":
            at = call.place_of(call.node_of(2, "metrics"))
            for _, key in models.shared_metrics(call):
                call.runner.compiled_with(key, owner.ref, at)
        if call.name in ("call", "__call__"):
            call.owner = owner
            return models.applied(call)
    elif isinstance(owner, Array):
        table = arrays.METHODS
        if call.name in ("fit", "predict"):
            return Array()
    elif isinstance(owner, Rows):
        table = data_set_methods.ROWS
    elif isinstance(owner, Estimator):
        if call.name == "flow_from_directory":
            return known_data_sets.folder(call)
        if call.name == "flow":
            return known_data_sets.flow(call)
        table = evaluation_checks.ESTIMATORS
    elif isinstance(owner, Method):
        return encodings.of_texts(call) if owner.name == "str" else UNKNOWN
    elif isinstance(owner, Loss):
        return models.loss_called(call) if call.name in ("call", "__call__") else UNKNOWN
    elif isinstance(owner, Items):
        return _of_list(call)
    elif isinstance(owner, Table):
        return _of_table(call)
    elif isinstance(owner, Known) and isinstance(owner.value, str):
        folded: Mapping[str, Callable[[str], str]] = {
            "lower": str.lower,
            "upper": str.upper,
            "strip": str.strip,
        }
        fold = folded.get(call.name)
        return UNKNOWN if fold is None or call.args else Known(fold(owner.value), owner.at)
    found = table.get(call.name)
    return UNKNOWN if found is None else found(call)


def _of_list(call: Call) -> Any:
    owner: Items = call.owner
    if call.name == "append" and call.args:
        return Changed(Items((*owner.values, call.args[0]), owner.open))
    if call.name == "extend" and call.args:
        more = call.args[0]
        values = more.values if isinstance(more, Items) else ()
        return Changed(
            Items((*owner.values, *values), owner.open or not isinstance(more, Items) or more.open)
        )
    if call.name == "index" or call.name == "count":
        return next((one for one in owner.values if isinstance(one, Array) and one.chosen), UNKNOWN)
    if call.name == "pop":
        return Changed(Items(owner.values[:-1], owner.open), owner.values[-1] if owner.values else UNKNOWN)
    return Changed(Items(owner.values, open=True), UNKNOWN)


def _of_table(call: Call) -> Any:
    owner: Table = call.owner
    if call.name == "items":
        return Items(tuple(Items(pair) for pair in owner.entries), owner.open)
    if call.name == "values":
        return Items(tuple(value for _, value in owner.entries), owner.open)
    if call.name == "keys":
        return Items(tuple(key for key, _ in owner.entries), owner.open)
    if call.name == "get" and not owner.open and isinstance(call.get(0), Known):
        return next((value for key, value in owner.entries if key == call.args[0]), call.get(1, default=NONE))
    return UNKNOWN if call.name == "copy" else Changed(Table(owner.entries, open=True), UNKNOWN)


def called(call: Call) -> Any:
    """Calls a value: a layer, a model, a loss."""
    owner = call.owner
    if isinstance(owner, Layer | Model):
        return models.applied(call)
    if isinstance(owner, Loss):
        return models.loss_called(call)
    return UNKNOWN


KNOWN: Mapping[str, Handler] = MappingProxyType(
    {
        **arrays.ARRAYS,
        **encodings.ENCODINGS,
        **images.IMAGES,
        **known_data_sets.SOURCES,
        **evaluation_checks.SPLITS,
        **models.MODELS,
    }
)
"""Functions and classes of libraries, by their canonical names."""
