"""Reads the last layer of a Keras model: its units, its activation, and the logits below the activation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from spaces.errors import RunError

PASSING = (layers.Reshape, layers.Flatten, layers.Dropout, layers.Identity, layers.ActivityRegularization)
"""Layers that hand on what they are given, in inference mode, at most in another shape."""
_LINEAR = (
    layers.Dense, layers.EinsumDense, layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.BatchNormalization
)  # fmt: skip
_ACTIVATED = _LINEAR[:-1]
"""Layers with an activation of their own."""
_OPERATIONS = ("Sigmoid", "Softmax", "Tanh")
"""Operations of `keras.ops` that are activations."""
KNOWN = ("sigmoid", "softmax", "tanh")
"""Activations below which there are logits."""
TOLERANCE: Mapping[bool, float] = {True: 1e-4, False: 2e-2}
"""Largest difference of an output and the activation of its logits, by whether the last layer is float32."""


@dataclass(frozen=True, eq=False)
class LastLayer:
    """The last layer of a model.

    Args:
        units: how many answers it gives a row, 1 or 2.
        applied: the activations between logits and outputs, the outermost first; empty if the model ends
            linearly. A name that is not in `KNOWN` stands alone: what is below it is not a logit.
        below: another activation, of whose output the outermost one is taken; None where that is a logit.
        exact: whether outputs are float32.
        model: from rows to `outputs` and `logits`, `(batch, units)` each but for axes of length 1; the
            logits are the outputs where there is no known activation.
    """

    units: int
    applied: tuple[str, ...]
    below: str | None
    exact: bool
    model: Any

    @property
    def activation(self) -> str:
        """The outermost activation."""
        return self.applied[0] if self.applied else "linear"

    def __str__(self) -> str:
        name = f"Dense({self.units}, {self.activation})" if self.applied else f"Dense({self.units})"
        return name if self.below is None else f"{name} of a {self.below}"

    def check(self, outputs: NDArray[np.float32], logits: NDArray[np.float32]) -> None:
        """Shows that the logits are those of the outputs: the activations of the ones are the others.

        Args:
            outputs, logits: `(n, units)`.

        Raises:
            RunError: they are not.
        """
        if not set(self.applied) <= set(KNOWN):
            return
        expected = logits.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # of NaN and infinity, which are counted elsewhere
            for name in reversed(self.applied):
                expected = _ACTIVATIONS[name](expected)
        finite = np.isfinite(expected).all(axis=1) & np.isfinite(outputs).all(axis=1)
        off = np.abs(expected - outputs)[finite]
        scale = 1 + np.abs(expected)[finite]
        if off.size and not (off <= TOLERANCE[self.exact] * scale).all():
            raise RunError(
                f"the model must put out {self.activation} of its logits, but differs by up to "
                f"{off.max():.3g}",
                exit_code=1,
            )


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-np.logaddexp(0.0, -z))


def _softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))


_ACTIVATIONS: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "tanh": np.tanh,
}


def read(model: Any, name: str) -> LastLayer:
    """Reads the last layer of a functional or sequential model, also where it is in a model within.

    Args:
        model: as it was loaded.
        name: of its file, for messages.

    Raises:
        RunError: it has several inputs or outputs, or gives no answer of one or two units to a row.
    """
    output = _only(model, name)
    units = _units(output.shape[1:], name)
    applied: list[str] = []
    found = _last(output)
    logits = output
    while (activation := _activation(found)) in KNOWN:
        applied.append(str(activation))
        logits = found.lift(_before_activation(found))
        found = _last(logits)
        if units == 2:
            break  # of two columns no further activation keeps the order
    below = _activation(found) if units == 2 and applied else None
    if units == 1 and len(applied) > 1:
        below = applied[1]
    if not applied and activation is not None:
        applied.append(activation)
    fresh = keras.Input(model.inputs[0].shape[1:], dtype=model.inputs[0].dtype)
    both = keras.Model(model.inputs, {"outputs": output, "logits": logits}, name="both")
    return LastLayer(
        units=units,
        applied=tuple(applied),
        below=below if below in KNOWN else None,
        exact=str(output.dtype) == "float32",
        model=keras.Model(fresh, both(fresh), name="read"),
    )


def trunk(model: Any) -> Any:
    """Returns the model without its last dense layer; None if it does not end in one on flat features.

    It is made of the same layers, from rows to features `(batch, units)`.
    """
    found = _last(model.outputs[0])
    while _activation(found) in KNOWN and not isinstance(found.operation, layers.Dense):
        found = _last(found.lift(_before_activation(found)))
    if not isinstance(found.operation, layers.Dense) or len(found.inputs[0].shape) != 2:
        return None
    # Keras takes a model whose output is its input itself for a circle.
    features = layers.Identity()(found.lift(found.inputs[0], passing=False))
    below = keras.Model(model.inputs, features)
    fresh = keras.Input(model.inputs[0].shape[1:], dtype=model.inputs[0].dtype)
    return keras.Model(fresh, below(fresh), name="trunk")


@dataclass(frozen=True, eq=False)
class _Step:
    """On the way to the last operation: a model that was entered with its inputs, or a layer that passes."""

    operation: Any
    inputs: list[Any] | None


@dataclass(frozen=True, eq=False)
class _Place:
    """The operation that makes an output, with its inputs, and the way to it."""

    operation: Any
    inputs: list[Any]
    way: tuple[_Step, ...]

    def lift(self, tensor: Any, *, passing: bool = True) -> Any:
        """Brings a tensor from beside the operation to the graph in which the way began."""
        for step in reversed(self.way):
            if step.inputs is not None:
                inner = keras.Model(step.operation.inputs, tensor)
                tensor = inner(step.inputs if len(step.inputs) > 1 else step.inputs[0])
            elif passing:
                tensor = step.operation(tensor)
        return tensor


def _last(tensor: Any) -> _Place:
    """Finds the operation behind a tensor, through models within models and layers that only pass."""
    way: list[_Step] = []
    while True:
        operation, node, index = tensor._keras_history
        inputs = list(operation._inbound_nodes[node].input_tensors)
        if isinstance(operation, keras.Model):
            way.append(_Step(operation, inputs))
            tensor = operation.outputs[index]
        elif inputs and (isinstance(operation, PASSING) or _is_linear_activation(operation)):
            way.append(_Step(operation, None))
            tensor = inputs[0]
        else:
            return _Place(operation, inputs, tuple(way))


def _is_linear_activation(operation: Any) -> bool:
    return isinstance(operation, layers.Activation) and operation.activation is keras.activations.linear


def _activation(place: _Place) -> str | None:
    """The name of the activation at a place; None where it is linear."""
    operation = place.operation
    if isinstance(operation, (layers.Activation, *_ACTIVATED)):
        found = operation.activation
        if isinstance(operation.dtype_policy, keras.dtype_policies.QuantizedDTypePolicy):
            return f"quantized {found.__name__}"  # its weights are no weights of another layer
        return None if found is keras.activations.linear else str(getattr(found, "__name__", "unknown"))
    if isinstance(operation, layers.Softmax):
        return "softmax" if len(place.inputs) == 1 and operation.axis in (-1, 1) else "Softmax"
    if type(operation).__module__.startswith("keras.src.ops") and type(operation).__name__ in _OPERATIONS:
        return type(operation).__name__.lower()
    return None if isinstance(operation, _LINEAR) else type(operation).__name__


def _before_activation(place: _Place) -> Any:
    """What the activation at a place is taken of."""
    operation = place.operation
    if not isinstance(operation, _ACTIVATED):
        return place.inputs[0]
    settings = {
        **operation.get_config(),
        "activation": "linear",
        "name": f"{operation.name}_logits",
        "dtype": "float32",  # of half as many digits confident rows would tie
    }
    linear = type(operation).from_config(settings)
    logits = linear(place.inputs[0])
    linear.set_weights(operation.get_weights())
    return logits


def _only(model: Any, name: str) -> Any:
    try:
        inputs, outputs = model.inputs, model.outputs
    except (AttributeError, ValueError):
        inputs, outputs = None, None
    if not inputs or not outputs:
        raise RunError(
            f"a model must have a graph from rows to outputs, but {name} has none; build it as a sequential "
            "or functional model, call it once, and save it again"
        )
    for what, found in (("array of rows", inputs), ("output", outputs)):
        if len(found) > 1:
            listed = ", ".join(f"{one.name} {tuple(one.shape[1:])}" for one in found)
            raise RunError(
                f"a model must have one {what} to be judged, but {name} has {len(found)} ({listed}); make a "
                "keras.Model of the one that decides, and save it"
            )
    return outputs[0]


def _units(shape: tuple[int | None, ...], name: str) -> int:
    """How many answers an output gives a row."""
    units = shape[-1] if shape else 1
    if units not in (1, 2) or any(axis != 1 for axis in shape[:-1]):
        raise RunError(
            f"two classes are decided by one or two units, but a row of {name} puts out {tuple(shape)}"
            + (
                f": {units} classes or labels"
                if isinstance(units, int) and units > 2 and len(shape) == 1
                else ""
            )
        )
    return units
