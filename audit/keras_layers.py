"""Layers of Keras, in all its spellings, and what they make of a tensor."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from audit.call import Call, Model, flag
from audit.model_facts import LayerFacts, OutputFacts
from audit.names import ACTIVATIONS
from audit.values import UNKNOWN, Function, Known, Layer, Network, Outside, Partial, Ref, Tensor, text, whole

UNFOLLOWED = "a layer that could not be followed"
TAIL = 8
"""Layers kept of an output: what lies deeper decides nothing."""

_CONVOLUTIONS = {
    **{f"Conv{n}D": n + 2 for n in (1, 2, 3)},
    **{f"Convolution{n}D": n + 2 for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": n + 2 for n in (1, 2, 3)},
    **{f"SeparableConv{n}D": n + 2 for n in (1, 2)},
    "Deconvolution2D": 4,
    "SeparableConvolution2D": 4,
    "AtrousConvolution2D": 4,
}
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU")
_OWN_ACTIVATION: Mapping[str, str] = MappingProxyType(
    {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "PReLU": "leaky_relu"}
)
_SAME_VALUES = frozenset(
    {
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianDropout"),
        *("GaussianNoise", "ActivityRegularization", "Identity", "Masking"),
    }
)
_SAME_COLUMNS = frozenset(
    {"BatchNormalization", "LayerNormalization", "GroupNormalization", "Rescaling", "UnitNormalization"}
)
_MIXED = frozenset(
    {"Flatten", "Reshape", "Permute", "Cropping1D", "Cropping2D", "UpSampling2D", "RepeatVector"}
)
_POOLED = frozenset(
    f"Global{kind}Pool{end}{n}D" for kind in ("Average", "Max") for end in ("", "ing") for n in (1, 2, 3)
)
_APPLICATIONS = re.compile(
    r"^(VGG1[69]|ResNet(50|101|152)(V2)?|InceptionV3|InceptionResNetV2|Xception|MobileNet(V2|V3(Small|Large))?"
    r"|DenseNet(121|169|201)|NASNet(Mobile|Large)|EfficientNet(V2)?[BSML]\d?|ConvNeXt\w+)$"
)


def activation_of(value: Any) -> str | None:
    """Returns the name of an activation, however it is given; None if unknown."""
    if value is None or value == Known(None):
        return "linear"
    name = text(value)
    if isinstance(value, Outside):
        name = value.dotted.rpartition(".")[2]
    if isinstance(value, Layer):
        return value.facts.activation
    return None if name is None else ACTIVATIONS.get(name.lower())


def _followed(call: Call, given: Any) -> Any:
    """Returns an activation that is a function of the program as the layer that it amounts to."""
    if isinstance(given, Partial) and isinstance(given.function, Outside):
        # Over another axis than the columns a softmax is another function.
        along = dict(given.keywords).get("axis")
        return given.function if along is None or whole(along) == -1 else UNKNOWN
    if not isinstance(given, Function | Partial):
        return given
    made = call.runner.apply(given, (Tensor(),), call.node)
    layers = made.output.layers if isinstance(made, Tensor) else ()
    steps = [one for one in layers if one.without_gradient]
    if steps:
        return Layer(steps[0])
    return Layer(layers[-1]) if layers and not layers[-1].changes_columns else UNKNOWN


def _step_of(given: Any) -> str:
    """Returns what in an activation lets no gradient pass; empty if nothing does."""
    if isinstance(given, Layer):
        return given.facts.without_gradient
    if not isinstance(given, Outside):
        return ""
    room, _, name = given.dotted.rpartition(".")
    return name if name in STEPS and room.startswith(("keras", "tensorflow")) else ""


def is_layer(value: Any) -> bool:
    """Says whether a value can be called on a tensor."""
    return isinstance(value, Layer | Model)


def dense(call: Call) -> Any:
    """A layer whose output has a column for each of its units."""
    position, names = 0, ("units", "output_dim", "filters", "nb_filter")
    at = 1
    if call.name == "Dense" and whole(call.get(1)) is not None:
        # Keras 0.x: the columns it takes, then those it gives.
        position, at = 1, 2
    given = call.get(at, "activation") if call.name == "Dense" else call.get(None, "activation")
    if "activation" not in call.keywords and text(given) is not None and activation_of(given) is None:
        # Keras 1: the second argument is how weights begin, the third the activation.
        at += 1
        given = call.get(at, "activation")
    given = _followed(call, given)
    units = whole(call.get(position, *names))
    if units == 1 and activation_of(given) == "softmax" and call.sure:
        # Wherever it stands: attention over steps is made by a softmax over their axis.
        call.runner.report(
            "HS101",
            call.place,
            f"{call.name}(1, softmax): softmax over one unit is the constant 1, whatever is learned",
            "sigmoid, or as many units as there are classes; for attention over steps, a "
            "softmax over their axis",
        )
    return _layer(
        call,
        LayerFacts(
            kind=call.name,
            units=units,
            units_at=call.written(position, *names),
            activation=activation_of(given),
            activation_at=call.written(at if call.name == "Dense" else None, "activation"),
            without_gradient=_step_of(given),
            place=call.place,
            rank=_CONVOLUTIONS.get(call.name),
            written=call.text,
        ),
    )


def recurrent(call: Call) -> Any:
    """A recurrent layer, whose activation is tanh unless said."""
    given = call.get(None, "activation")
    steps = flag(call.get(None, "return_sequences"), False)
    return _layer(
        call,
        LayerFacts(
            kind=call.name,
            units=whole(call.get(0, "units", "output_dim")),
            units_at=call.written(0, "units", "output_dim"),
            activation="tanh" if given is None else activation_of(given),
            activation_at=call.written(None, "activation"),
            place=call.place,
            rank={True: 3, False: 2}.get(steps) if steps is not None else None,
        ),
    )


def activation(call: Call) -> Any:
    """A layer that is an activation alone."""
    step = ""
    if call.name in _OWN_ACTIVATION:
        name: str | None = _OWN_ACTIVATION[call.name]
        axis = call.get(0 if call.name == "Softmax" else None, "axis")
        if name == "softmax" and axis is not None and whole(axis) != -1:
            name = None
    else:
        given = _followed(call, call.get(0, "activation", default=UNKNOWN))
        name, step = activation_of(given), _step_of(given)
    facts = LayerFacts(
        kind=call.name,
        activation=name,
        without_gradient=step,
        activation_at=call.written(0, "activation") if call.name == "Activation" else None,
        place=call.place,
        changes_columns=False,
    )
    return _layer(call, facts)


def wrapper(call: Call) -> Any:
    """TimeDistributed and Bidirectional: the layer within, given more axes or twice the columns."""
    inner = call.get(0, "layer")
    if not isinstance(inner, Layer):
        return _opaque(call)
    if call.name == "TimeDistributed":
        return _layer(call, replace(inner.facts, rank=3, units_at=None))
    merged = call.get(1, "merge_mode")
    twice = merged is None or text(merged) == "concat"
    units = inner.facts.units
    units = None if units is None or (not twice and text(merged) not in ("sum", "mul", "ave")) else units
    facts = replace(inner.facts, units=units * 2 if units is not None and twice else units, units_at=None)
    return _layer(call, replace(facts, place=call.place))


def application(call: Call) -> Any:
    """A network of keras.applications: with its top it has a softmax of 1,000 classes, unless said."""
    if not _APPLICATIONS.match(call.name):
        return UNKNOWN
    top = flag(call.get(None, "include_top"), True)
    if call.args and top is True:
        top = flag(call.args[0])
    if top is not True:
        return _network(call, LayerFacts(kind=call.name, activation=None, place=call.place))
    given = call.get(None, "classifier_activation")
    classes = call.get(None, "classes")
    facts = LayerFacts(
        kind=call.name,
        units=1000 if classes is None else whole(classes),
        activation="softmax" if given is None else activation_of(given),
        place=call.place,
    )
    return _network(call, facts)


def _network(call: Call, facts: LayerFacts) -> Any:
    return call.runner.put(Network(outputs=(OutputFacts(layers=(facts,)),), made_at=call.place))


def lambda_layer(call: Call) -> Any:
    """A Lambda, which is followed where it is called."""
    function = call.get(0, "function")
    wraps = function if isinstance(function, Function | Outside) else None
    return _layer(call, LayerFacts(kind="Lambda", activation=None, place=call.place), wraps)


def other(call: Call) -> Any:
    """Any other layer of Keras: what it gives is unknown."""
    if call.name in _SAME_VALUES:
        return _layer(call, LayerFacts(kind=call.name, changes_columns=False, place=call.place))
    if call.name in _SAME_COLUMNS:
        return _layer(
            call, LayerFacts(kind=call.name, activation=None, changes_columns=False, place=call.place)
        )
    if call.name in _MIXED:
        return _layer(call, LayerFacts(kind=call.name, place=call.place, changes_columns=False, mixes=True))
    if call.name in _POOLED:
        facts = LayerFacts(kind=call.name, place=call.place, changes_columns=False, activation="linear")
        return _layer(call, facts)
    return _opaque(call)


def _opaque(call: Call) -> Any:
    return _layer(call, LayerFacts(kind=call.name, activation=None, place=call.place))


def _layer(call: Call, facts: LayerFacts, wraps: Any = None) -> Any:
    return Layer(facts, text(call.get(None, "name")), wraps)


def given(call: Call) -> Any:
    """Input(): where a network begins."""
    return Tensor(OutputFacts(name=text(call.get(None, "name"))))


def through(call: Call, layer: Any, tensor: Any) -> Any:
    """Returns what a layer makes of a tensor."""
    if isinstance(layer, Model):
        outputs = layer.network.outputs
        return Tensor(outputs[0]) if len(outputs) == 1 else UNKNOWN
    taken = tensor.output.layers if isinstance(tensor, Tensor) else ()
    facts = layer.facts
    if layer.wraps is not None and isinstance(tensor, Tensor):
        made = call.runner.apply(layer.wraps, (tensor,), call.node)
        if isinstance(made, Tensor):
            added = tuple(
                replace(one, place=facts.place) if one not in taken else one for one in made.output.layers
            )
            return Tensor(OutputFacts(layers=added, name=layer.name))
    return Tensor(OutputFacts(layers=(*taken, facts)[-TAIL:], name=layer.name))


def stacked(call: Call, layers: tuple[Any, ...], below: tuple[LayerFacts, ...] = ()) -> OutputFacts:
    """Returns the output of layers on top of each other."""
    output = OutputFacts(layers=below)
    for layer in layers:
        if isinstance(layer, Tensor):
            continue
        if isinstance(layer, Ref):
            made = call.runner.flow(layer, Tensor(output), call.node)
            if isinstance(made, Tensor):
                output = made.output
                continue
        if not is_layer(layer):
            unknown = LayerFacts(kind=UNFOLLOWED, activation=None, place=call.place)
            output = OutputFacts(layers=(*output.layers, unknown)[-TAIL:])
            continue
        if isinstance(layer, Layer) and layer.facts.kind == "InputLayer":
            continue
        made = through(call, layer, Tensor(output))
        facts = made.output.layers if isinstance(made, Tensor) else ()
        output = OutputFacts(layers=facts, name=made.output.name if isinstance(made, Tensor) else None)
    return output


def operation(call: Call) -> Any:
    """An activation or rounding as a function of a tensor, such as tf.nn.softmax or K.round."""
    tensor = call.get(0, "x", "logits", "features", "input", "inputs", "a", "condition")
    if not isinstance(tensor, Tensor) or tensor.model is not None:
        return UNKNOWN
    name = "a comparison" if call.name in ("greater", "less", "greater_equal", "less_equal") else call.name
    decided = [one for one in tensor.output.layers if one.without_gradient]
    if name in ("where", "switch") and decided and all(isinstance(one, Known) for one in call.args[1:3]):
        return tensor
    if name in ACTIVATIONS:
        axis = call.get(1, "axis", "dim") if name == "softmax" else None
        known = ACTIVATIONS[name] if axis is None or whole(axis) == -1 else None
        return tail(tensor, LayerFacts(kind=name, activation=known, place=call.place, changes_columns=False))
    if name in STEPS or name == "a comparison":
        return tail(
            tensor,
            LayerFacts(
                kind=name,
                activation=None,
                place=call.place,
                changes_columns=name.startswith("arg"),
                without_gradient=name,
            ),
        )
    return tail(tensor, LayerFacts(kind=name, activation=None, place=call.place))


STEPS = frozenset({"round", "argmax", "argmin", "sign", "floor", "ceil", "rint", "one_hot"})
"""Functions of a tensor whose gradient is 0 or none."""


def tail(tensor: Tensor, facts: LayerFacts) -> Tensor:
    """Returns a tensor after one more step."""
    return Tensor(OutputFacts(layers=(*tensor.output.layers, facts)[-TAIL:], name=tensor.output.name))


def custom(kind: str, call: Call) -> Any:
    """A layer of the program's own class that cannot be followed."""
    return Layer(LayerFacts(kind=kind, activation=None, place=call.place))


LAYERS: Mapping[str, Any] = MappingProxyType(
    {
        "Dense": dense,
        **dict.fromkeys(_CONVOLUTIONS, dense),
        **dict.fromkeys(_RECURRENT, recurrent),
        "Activation": activation,
        **dict.fromkeys(_OWN_ACTIVATION, activation),
        "Bidirectional": wrapper,
        "TimeDistributed": wrapper,
        "Lambda": lambda_layer,
        "Input": given,
    }
)
"""How a layer of keras.layers is read; `other` for those not here."""
