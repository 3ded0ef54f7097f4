"""Models of Keras: how they are built, compiled, trained and asked."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from audit import images, losses
from audit.call import Call, Changed, Model, entries, flag, listed
from audit.heads import head_of, told
from audit.keras_layers import UNFOLLOWED, stacked, through
from audit.labels import facts_of
from audit.model_facts import LabelFacts, LossFacts, OutputFacts, WeightFacts
from audit.names import loss_name
from audit.values import (
    NONE,
    UNKNOWN,
    Array,
    Items,
    Loss,
    Metric,
    Network,
    Rows,
    Served,
    Table,
    Tensor,
    known,
)


def sequential(call: Call) -> Any:
    """`Sequential(...)`."""
    given = call.get(0, "layers")
    layers = () if given is None else listed(given)
    network = Network(sequential=True, made_at=call.place)
    if layers is None:
        open_items = given.values if isinstance(given, Items) else ()
        output = stacked(call, (UNKNOWN, *open_items[-1:]) if open_items else (UNKNOWN,))
        # What stands last in a list that is known in part may not be the last layer.
        output = stacked(call, (UNKNOWN,)) if isinstance(given, Items) else output
    else:
        output = stacked(call, layers)
    return call.runner.put(replace(network, outputs=(output,)))


def functional(call: Call) -> Any:
    """`Model(inputs, outputs)`."""
    outputs = call.get(1, "outputs", "output", default=UNKNOWN)
    return call.runner.put(Network(outputs=outputs_of(outputs), made_at=call.place))


def outputs_of(value: Any) -> tuple[OutputFacts, ...]:
    """Returns the outputs that tensors are."""
    if isinstance(value, Tensor):
        return (value.output,)
    if isinstance(value, Items) and not value.open:
        return tuple(one.output if isinstance(one, Tensor) else OutputFacts() for one in value.values)
    if isinstance(value, Table) and not value.open:
        return tuple(
            replace(held.output, name=known(key)) if isinstance(held, Tensor) else OutputFacts()
            for key, held in value.entries
        )
    return ()


def add(call: Call) -> Any:
    """`model.add(layer)`."""
    network: Network = call.owner
    if not network.sequential:
        return Changed(replace(network, outputs=()), NONE)
    layer = call.get(0, "layer", default=UNKNOWN)
    below = network.outputs[0].layers if network.outputs else ()
    return Changed(replace(network, outputs=(stacked(call, (layer,), below),)), NONE)


def pop(call: Call) -> Any:
    """`model.pop()`."""
    network: Network = call.owner
    layers = network.outputs[0].layers if network.outputs else ()
    return Changed(replace(network, outputs=(OutputFacts(layers=layers[:-1]),)), NONE)


def compiled(call: Call) -> Any:
    """`model.compile(...)`."""
    network: Network = call.owner
    given = call.get(1, "loss", default=NONE)
    each = losses.spread(given, network.outputs, same=False)
    found = tuple(losses.loss_of(one, call) for one in each)
    metrics = losses.spread(call.get(2, "metrics"), network.outputs, same=True)
    pairs = [losses.metrics_of(one, call) for one in metrics]
    made = replace(
        network,
        losses=found if given != NONE else None,
        metrics=tuple(tuple(facts for facts, _ in each) for each in pairs),
        compiled_at=call.place,
        labels=(),
        weights=None,
    )
    if given == NONE and call.open:
        made = replace(made, losses=(None,))
    _tell(call, made)
    call.runner.check(made, call.place)
    return Changed(made, NONE)


def _tell(call: Call, network: Network) -> None:
    line = call.place.start[0]
    heads = [head_of(output) for output in network.outputs]
    if not heads or any(head is None or head.base.kind == UNFOLLOWED for head in heads):
        call.runner.note(f"line {line}: the last layer of the model that is compiled could not be followed")
    if network.losses is not None and None in network.losses:
        call.runner.note(f"line {line}: the loss that is compiled could not be followed")


def shared_metrics(call: Call) -> list[tuple[Any, int]]:
    """Returns the metric objects that are given to compile, with their keys."""
    value = call.get(2, "metrics")
    held = [value, *(value.values if isinstance(value, Items) else ())]
    if isinstance(value, Table):
        held += [inner for _, inner in value.entries]
    flat = [one for item in held for one in (item.values if isinstance(item, Items) else (item,))]
    return [(one.facts, one.key) for one in flat if isinstance(one, Metric)]


def trained(call: Call) -> Any:
    """`model.fit` and its neighbours."""
    network: Network = call.owner
    x, y = call.get(0, "x", "generator"), call.get(1, "y")
    if isinstance(x, Rows) or call.name == "fit_generator":
        labels: Any = x.labels if isinstance(x, Rows) else UNKNOWN
    else:
        labels = UNKNOWN if y is None else y
    each = losses.spread(labels, network.outputs, same=False) if len(network.outputs) > 1 else (labels,)
    found = tuple(images.sure(_labels(one, call), x) for one in each)
    weights = entries(call.get(None, "class_weight")) if call.name != "train_on_batch" else None
    told = call.get(None, "class_weight")
    weight_facts = None
    if told is not None and told != NONE:
        keys = tuple(weights) if weights is not None else None
        whole = keys is not None and all(isinstance(key, int | str) for key in keys)
        weight_facts = WeightFacts(
            labels=keys if whole else None,
            place=call.place_of(call.node_of(None, "class_weight")),
        )
    if isinstance(labels, Array) and labels.labels.encoding is None and labels.labels.rank is None:
        call.runner.note(f"line {call.place.start[0]}: the labels of the model that is trained are unknown")
    made = replace(network, labels=found, weights=weight_facts)
    call.runner.check(made, call.place)
    return Changed(made, UNKNOWN)


def _labels(value: Any, call: Call) -> LabelFacts | None:
    facts = facts_of(value, call.place)
    return None if facts == LabelFacts() else facts


def asked(call: Call) -> Any:
    """`model.predict` and its neighbours."""
    return _served(call, call.owner, call.get(0, "x", "generator"))


def _served(call: Call, network: Network, x: Any) -> Any:
    rows = x.features if isinstance(x, Rows) else x
    array = rows if isinstance(rows, Array) else Array()
    many = True if isinstance(x, Rows) else array.many
    served = tuple(
        Served(
            output=output,
            loss=_at(network.losses or (), k),
            labels=told(_at(network.labels, k), _at(network.metrics, k) or (), head_of(output)),
            place=call.place,
        )
        for k, output in enumerate(network.outputs)
    )
    arrays = tuple(
        Array(roots=array.roots, part=array.part, many=many, name="predictions", served=one) for one in served
    )
    if call.name == "predict_classes":
        if len(arrays) == 1:
            _classes(call, arrays[0])
            return replace(arrays[0], served=replace(served[0], cut=True))
        return UNKNOWN
    return arrays[0] if len(arrays) == 1 else Items(arrays) if arrays else UNKNOWN


def _classes(call: Call, array: Array) -> None:
    served = array.served
    if served is not None and served.labels is not None and served.labels.encoding == "multi_hot":
        call.runner.report(
            "HS403",
            call.place,
            "rows have several labels or none, and predict_classes gives every row exactly one",
            "cut each column at a threshold of its own: model.predict(x) > 0.5",
        )


def _at(values: tuple[Any, ...], k: int) -> Any:
    return values[k] if k < len(values) else values[0] if len(values) == 1 else None


def applied(call: Call) -> Any:
    """A model or layer that is called: on a tensor it is part of a network, on data it predicts."""
    target: Any = call.owner
    x = call.get(0, "inputs", "x", default=UNKNOWN)
    if isinstance(target, Model):
        if isinstance(x, Tensor) and x.model is None:
            outputs = target.network.outputs
            tensors = tuple(Tensor(output) for output in outputs)
            return tensors[0] if len(tensors) == 1 else Items(tensors) if tensors else Tensor()
        return _served(call, target.network, x)
    if isinstance(x, Items):
        x = Tensor()
    return through(call, target, x if isinstance(x, Tensor) else Tensor())


def loss_called(call: Call) -> Any:
    """A loss that the program computes itself, of labels and outputs."""
    facts = call.owner.facts if isinstance(call.owner, Loss) else _function(call)
    y, outputs = call.get(0, "y_true", "target", "labels"), call.get(1, "y_pred", "output", "logits")
    if facts is not None and isinstance(outputs, Tensor) and outputs.model is None:
        # In a loss of the program: outputs that it transforms first are no longer the model's own.
        kept = isinstance(y, Tensor) and not y.output.layers
        return UNKNOWN if outputs.output.layers else Loss(replace(facts, own_labels=not kept))
    if facts is None or not isinstance(outputs, Array) or outputs.served is None:
        return UNKNOWN
    served = outputs.served
    if served.column is not None or served.cut:
        return UNKNOWN
    plain = losses.plain(facts, call.place) if not facts.called else replace(facts, place=call.place)
    network = Network(
        outputs=(served.output,),
        losses=(plain,),
        labels=(_labels(y, call),),
        compiled_at=call.place,
    )
    call.runner.check(network, call.place)
    return UNKNOWN


def _function(call: Call) -> LossFacts | None:
    name = loss_name(call.name)
    if call.name in losses.LOGIT_LOSSES:
        return LossFacts(name=losses.LOGIT_LOSSES[call.name], from_logits=True, place=call.place)
    if name is None or name == "accuracy":
        return None
    return LossFacts(name=name, from_logits=flag(call.get(2, "from_logits"), False), place=call.place)


METHODS: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        "add": add,
        "pop": pop,
        "compile": compiled,
        **dict.fromkeys(("fit", "fit_generator", "train_on_batch"), trained),
        **dict.fromkeys(
            ("predict", "predict_proba", "predict_generator", "predict_on_batch", "predict_classes"), asked
        ),
        "call": applied,
    }
)
"""Methods of models."""
MODELS: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        **dict.fromkeys(("keras.Sequential", "keras.models.Sequential"), sequential),
        **dict.fromkeys(("keras.Model", "keras.models.Model", "keras.training.Model"), functional),
    }
)
"""Classes of models."""
