"""The last layers of each output of a model, from the config that Keras saves of it."""

from collections.abc import Iterator
from typing import Any

from audit.model_facts import LayerFacts, OutputFacts, Place
from audit.names import ACTIVATIONS, snake

LONGEST = 1000
"""Layers that are followed from an output towards the inputs."""
_SAME_VALUES = frozenset(
    {
        *(
            "Dropout",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
            "AlphaDropout",
            "GaussianDropout",
        ),
        *("GaussianNoise", "ActivityRegularization", "Identity", "Flatten", "Reshape"),
    }
)
_ACTIVATING = frozenset({"Activation", "Softmax", "ReLU", "LeakyReLU", "ELU", "PReLU"})
_STEPS = frozenset(
    {
        *(
            "Round",
            "Argmax",
            "Argmin",
            "Greater",
            "GreaterEqual",
            "Less",
            "LessEqual",
            "Equal",
            "Sign",
            "Floor",
        ),
        *("Ceil", "OneHot"),
    }
)
"""Operations of `keras.ops` that let no gradient pass."""
_NO_ACTIVATION = frozenset({"BatchNormalization", "LayerNormalization", "Embedding"})


def outputs_of(model: Any) -> tuple[OutputFacts, ...]:
    """Returns the outputs of a model, as far as its config tells them.

    Args:
        model: with `class_name` and `config`.

    Returns:
        None of a model of a class of its own.
    """
    return tuple(OutputFacts(layers=tuple(_tail(model, way)), name=name) for name, way in _ends(model))


def _ends(model: Any) -> Iterator[tuple[str | None, Any]]:
    """The name of each output and where it comes from: [layer, node, tensor]; None for the end of a row."""
    config = _of(model, "config")
    if _is_row(model):
        layers = _list(config, "layers")
        if layers:
            yield _name(layers[-1]), None
        return
    given = _of(config, "output_layers")
    if isinstance(given, dict):
        for name, way in given.items():
            yield str(name), way
    elif _is_way(given):
        yield str(given[0]), given
    elif isinstance(given, list):
        for way in given:
            if _is_way(way):
                yield str(way[0]), way


def _tail(model: Any, way: Any) -> list[LayerFacts]:
    """The layers that end in an output, from the last one that makes its columns on."""
    found = list[LayerFacts]()
    for layer in _backwards(model, way):
        facts = _layer(layer)
        if facts is None:
            continue
        found.append(facts)
        if facts.changes_columns:
            break
    return found[::-1]


def _backwards(model: Any, way: Any, depth: int = 0) -> Iterator[Any]:
    """The layers from an output to an input, as far as each has one; those of models within too."""
    if depth > 20:
        return
    if _is_row(model):
        for layer in reversed(_list(_of(model, "config"), "layers")):
            yield from _within(layer, depth)
        return
    layers = {_name(layer): layer for layer in _list(_of(model, "config"), "layers")}
    for _ in range(LONGEST):
        layer = layers.get(str(way[0])) if _is_way(way) else None
        if layer is None:
            return
        yield from _within(layer, depth, way[2])
        nodes = _list(layer, "inbound_nodes")
        node = nodes[way[1]] if isinstance(way[1], int) and 0 <= way[1] < len(nodes) else None
        ways = list(_histories(node))
        if len(ways) != 1:
            return
        [way] = ways


def _within(layer: Any, depth: int, tensor: Any = 0) -> Iterator[Any]:
    ends = list(_ends(layer)) if _of(layer, "class_name") in ("Sequential", "Functional", "Model") else []
    if isinstance(tensor, int) and 0 <= tensor < len(ends):
        yield from _backwards(layer, ends[tensor][1], depth + 1)
    else:
        yield layer


def _histories(node: Any) -> Iterator[Any]:
    """Where the inputs of a layer come from; Keras 2 wrote lists where Keras 3 writes `keras_history`."""
    if _is_way(node):
        yield node
    elif isinstance(node, list):
        for one in node:
            yield from _histories(one)
    elif isinstance(node, dict):
        if "keras_history" in node:
            yield node["keras_history"]
        else:
            for one in node.values():
                yield from _histories(one)


def _layer(layer: Any) -> LayerFacts | None:
    """The facts of a layer; None of one that hands on what it is given."""
    kind, config = str(_of(layer, "class_name")), _of(layer, "config")
    if kind in (*_SAME_VALUES, "InputLayer"):
        return None
    module = str(_of(layer, "module") or "keras")
    ours = module.split(".")[0] == "keras" and ">" not in str(_of(layer, "registered_name"))
    activation = _activation(kind, _of(config, "activation"), module) if ours else None
    units = next((n for key in ("units", "filters") if isinstance(n := _of(config, key), int)), None)
    shown = [] if units is None else [str(units)]
    shown += [activation or "an activation that is not known"] if activation != "linear" else []
    place = Place(code=f"{_name(layer)}: {kind}({', '.join(shown)})")
    operation = ours and ".ops." in module
    activating = ours and (kind in _ACTIVATING or (operation and activation is not None))
    stepping = operation and kind in _STEPS
    return LayerFacts(
        kind="Activation" if operation and activating else kind,
        units=units,
        activation=activation,
        place=place,
        changes_columns=not activating and not (stepping and not kind.startswith("Arg")),
        without_gradient=snake(kind) if stepping else "",
    )


def _activation(kind: str, given: Any, module: str) -> str | None:
    """The name of a layer's activation; None where it is not known."""
    if given is None:
        name = snake(kind) if kind not in ("ReLU", "PReLU") else {"ReLU": "relu", "PReLU": "leaky_relu"}[kind]
        if kind in _ACTIVATING or ".ops." in module:
            return ACTIVATIONS.get(name)
        return "linear" if kind in _NO_ACTIVATION or kind in ("Dense", "Conv1D", "Conv2D", "Conv3D") else None
    if isinstance(given, dict):  # an object or a function, by its name
        inner = _of(given, "config")
        given = inner if isinstance(inner, str) else _of(inner, "activation") or _of(given, "class_name")
    return ACTIVATIONS.get(snake(given)) if isinstance(given, str) else None


def _is_row(model: Any) -> bool:
    return bool(_of(model, "class_name") == "Sequential")


def _is_way(given: Any) -> bool:
    return isinstance(given, list) and len(given) >= 3 and isinstance(given[0], str)


def _name(layer: Any) -> str:
    return str(_of(layer, "name") or _of(_of(layer, "config"), "name"))


def _of(held: Any, key: str) -> Any:
    return held.get(key) if isinstance(held, dict) else None


def _list(held: Any, key: str) -> list[Any]:
    found = _of(held, key)
    return found if isinstance(found, list) else []
