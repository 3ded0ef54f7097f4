"""Losses and metrics of Keras, however they are given."""

import ast
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from audit.call import Call, flag, listed
from audit.model_facts import LossFacts, MetricFacts, OutputFacts, Place, Written
from audit.names import METRICS, loss_name, metric_name
from audit.values import (
    NONE,
    UNKNOWN,
    Class,
    Function,
    Items,
    Known,
    Loss,
    Metric,
    Outside,
    Partial,
    Ref,
    Table,
    Tensor,
    known,
    text,
)


def loss_object(call: Call) -> Any:
    """A loss of a class, such as BinaryCrossentropy(from_logits=True)."""
    name = loss_name(call.name)
    logits = call.get(0 if "crossentropy" in (name or "") else None, "from_logits")
    smoothing = call.get(None, "label_smoothing")
    given = known(smoothing)
    if name == "binary_focal_crossentropy":
        logits = call.get(3, "from_logits")
    if name == "categorical_focal_crossentropy":
        logits = call.get(2, "from_logits")
    node = call.node.func if isinstance(call.node, ast.Call) else call.node
    written = None
    if isinstance(node, ast.Name | ast.Attribute):
        written = Written(text=call.runner.source(node), place=call.runner.place(node))
    facts = LossFacts(
        name=name,
        from_logits=flag(logits, False),
        label_smoothing=0.0
        if smoothing is None
        else float(given)
        if isinstance(given, int | float)
        else None,
        place=call.place,
        name_at=written,
        from_logits_at=call.written(0, "from_logits"),
        called=True,
    )
    return Loss(facts)


LOGIT_LOSSES: Mapping[str, str] = MappingProxyType(
    {
        "sigmoid_cross_entropy_with_logits": "binary_crossentropy",
        "weighted_cross_entropy_with_logits": "binary_crossentropy",
        "softmax_cross_entropy_with_logits": "categorical_crossentropy",
        "softmax_cross_entropy_with_logits_v2": "categorical_crossentropy",
        "sparse_softmax_cross_entropy_with_logits": "sparse_categorical_crossentropy",
    }
)
"""Losses of TensorFlow that take logits, each with its name in Keras."""


def is_loss(function: str) -> bool:
    """Says whether a function of a backend is a loss, by its name."""
    return function in LOGIT_LOSSES or loss_name(function) not in (None, "accuracy")


def partial(call: Call) -> Any:
    """`functools.partial` of a loss, a layer or a function of the program."""
    function = call.get(0, default=UNKNOWN)
    written = function.dotted if isinstance(function, Outside) else ""
    leaf = written.rpartition(".")[2]
    name = loss_name(leaf) if written.startswith("keras.") and leaf == leaf.lower() else None
    if name is None:
        callable_ = isinstance(function, Outside | Function | Class | Partial)
        bound = Partial(function, call.args[1:], tuple(call.keywords.items()))
        return bound if callable_ and not call.open else UNKNOWN
    facts = LossFacts(
        name=name,
        from_logits=flag(call.get(None, "from_logits"), False),
        label_smoothing=0.0 if call.get(None, "label_smoothing") is None else None,
        place=call.place,
        from_logits_at=call.written(None, "from_logits"),
    )
    return Loss(facts)


def metric_object(call: Call) -> Any:
    """A metric of a class, such as Precision()."""
    position = {"BinaryAccuracy": 2, "Precision": 0, "Recall": 0, "F1Score": 1}.get(call.name)
    threshold = call.get(position, "threshold", "thresholds")
    cut: float | None = None
    if threshold is not None and threshold != NONE:
        value = known(threshold)
        cut = float(value) if isinstance(value, int | float) else float("nan")
    told = any(
        call.get(None, name) is not None and call.get(None, name) != NONE
        for name in ("class_id", "top_k", "multi_label")
    )
    facts = MetricFacts(
        name=metric_name(call.name),
        threshold=cut,
        from_logits=flag(call.get(None, "from_logits"), False),
        one_column=told,
        many_labels=flag(call.get(None, "multi_label"), False) is True,
        place=call.place,
    )
    return Metric(facts, key=call.runner.put(UNKNOWN).key)


def loss_of(value: Any, call: Call) -> LossFacts | None:
    """Returns what is known of a loss, None if nothing is."""
    place = call.place
    if isinstance(value, Loss):
        return value.facts
    if isinstance(value, Metric) and value.facts.name in METRICS:
        return LossFacts(name=value.facts.name, place=_in_call(call, value.facts.place))
    if isinstance(value, Known) and isinstance(value.value, str):
        node = value.at
        at = call.place_of(node) if node is not None else place
        written = call.written(1, "loss")
        return LossFacts(name=loss_name(value.value), place=_in_call(call, at), name_at=written)
    if isinstance(value, Function | Partial | Ref):
        # A function or class of losses of the program may only hand on to one of Keras.
        made = call.runner.apply(value, (Tensor(), Tensor()), call.node)
        if isinstance(made, Loss):
            return replace(
                made.facts, place=call.place_of(call.node_of(1, "loss")), name_at=None, called=False
            )
    if isinstance(value, Outside) and value.dotted.startswith(("keras.losses.", "keras.metrics.", "keras.")):
        name = loss_name(value.dotted.rpartition(".")[2])
        return LossFacts(name=name, place=call.place_of(call.node_of(1, "loss")))
    return None


def _in_call(call: Call, place: Place) -> Place:
    """Returns a place if it lies within the call, else where the call says it."""
    argument = call.node_of(1, "loss")
    if call.place.start <= place.start <= call.place.end or argument is None:
        return place
    return call.place_of(argument)


def spread(value: Any, outputs: tuple[OutputFacts, ...], *, same: bool) -> tuple[Any, ...]:
    """Returns what is given for each output, by a list, a dictionary, or once for all.

    Args:
        same: whether a list is given for each output alike, as metrics are.
    """
    count = max(len(outputs), 1)
    if isinstance(value, Table):
        if value.open:
            return (UNKNOWN,) * count
        found = tuple(value.get(Known(output.name)) if output.name else UNKNOWN for output in outputs)
        if len(outputs) == 1 and len(value.entries) == 1:
            return (value.entries[0][1],)
        return found or (UNKNOWN,)
    values = listed(value)
    if values is None:
        return (value,) * count
    if same and not (count > 1 and len(values) == count and any(isinstance(one, Items) for one in values)):
        return (value,) * count
    if len(values) == count:
        return values
    return (UNKNOWN,) * count


def metrics_of(value: Any, call: Call) -> tuple[tuple[MetricFacts, int], ...]:
    """Returns what is known of the metrics of an output, with the keys of their objects."""
    if value is None or value == NONE:
        return ()
    values = value.values if isinstance(value, Items) else (value,)
    return tuple(_metric(one, call) for one in values)


def _metric(value: Any, call: Call) -> tuple[MetricFacts, int]:
    place = call.place
    name = text(value)
    if isinstance(value, Metric):
        return value.facts, value.key
    if name is not None:
        at = value.at
        found = place if at is None else call.place_of(at)
        if not call.place.start <= found.start <= call.place.end:
            found = call.place_of(call.node_of(2, "metrics"))
        return MetricFacts(name=metric_name(name), place=found), -1
    if isinstance(value, Outside) and value.dotted.startswith("keras."):
        return MetricFacts(name=metric_name(value.dotted.rpartition(".")[2]), place=place), -1
    return MetricFacts(name=None, place=place), -1


def plain(facts: LossFacts, place: Place) -> LossFacts:
    """Returns a loss as it is called by the program itself."""
    return replace(facts, place=place, plain=True)
