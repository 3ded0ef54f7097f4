"""Builds a Keras model: a trunk with a head on it, whose output is the logits."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from search.networks.trunks import trunk_of
from spaces.configuration import Config

LOGITS = "logits"
"""The name of the last layer."""
_RATE = "dropout_rate"


class Dropout(layers.Layer):  # type: ignore[misc]  # keras carries no types
    """Dropout whose rate is a variable, so that trials of other rates share what was compiled for one."""

    def __init__(self) -> None:
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(0)
        self.rate = self.add_weight(
            name=_RATE, shape=(), initializer="zeros", dtype="float32", trainable=False, autocast=False
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Leaves out each value with probability `rate`, and divides the others by `1 - rate`."""
        if not training:
            return inputs
        drawn = keras.random.uniform(ops.shape(inputs), dtype="float32", seed=self.seed_generator)
        factor = ops.where(drawn >= self.rate, 1 / (1 - self.rate), 0.0)
        return inputs * ops.cast(factor, inputs.dtype)


class Shared(keras.Model):  # type: ignore[misc]  # keras carries no types
    """A network that trials share; its weights are those of one built for a trial alone."""

    @property
    def weights(self) -> list[Any]:
        """All weights but the rates of dropout, which no bundle holds."""
        return [weight for weight in super().weights if weight.name != _RATE]

    def begin(self, fresh: Any, dropout: float) -> None:
        """Takes over the weights and random seeds of a network that was built for one trial.

        Args:
            fresh: the same network from `build`, not shared; columns that its last layer lacks are 0 here.
            dropout: the rate before the head and its hidden layers.

        Raises:
            ValueError: it is another network.
        """
        for mine, other in zip(self.layers, fresh.layers, strict=True):
            if isinstance(mine, Dropout):
                mine.rate.assign(dropout)
            # Keras' dropout of rate 0 has no seed.
            held = [variable for variable in mine.variables if variable.name != _RATE]
            for variable, value in zip(held if other.variables else (), other.variables, strict=True):
                variable.assign(_widened(value, variable.shape))


def _widened(value: Any, shape: tuple[int, ...]) -> Any:
    lacks = shape[-1] - value.shape[-1] if shape else 0
    return ops.pad(value, [(0, 0)] * (len(shape) - 1) + [(0, lacks)]) if lacks else value


def build(
    config: Config,
    shape: tuple[int, ...],
    dtype: str,
    *,
    pretrained: bool = True,
    precision: str = "float32",
    shared: bool = False,
) -> Any:
    """Builds the network of a configuration.

    Args:
        config: what to build.
        shape: shape of one row.
        dtype: `float32`, or `uint8` for pixels, which are scaled to the trunk's range inside the network.
        pretrained: whether to start from `config.weights`; without, their file is not needed. Not where a
            trial's own weights are set next.
        precision: the Keras dtype policy of all layers but the first and the last, which are float32. Weights
            are float32 under each, so what a network was trained to be under one, another takes as it is.
        shared: whether trials are to share it; it begins as what `Shared.begin` is given.

    Returns:
        A `keras.Model` from `(batch, *shape)` to float32 logits `(batch, head.logits)`.

    Raises:
        RunError: the trunk is a function of the user's own and fails, or the pretrained weights do not load.
    """
    trunk = trunk_of(config.trunk)
    low, high = trunk.pixels
    with _dtype_policy(precision):
        inputs = keras.Input(shape, dtype=dtype, name="x")
        x = inputs
        if dtype == "uint8":
            # Float32 also under mixed precision: bfloat16 has too few digits to tell middle greys apart.
            x = layers.Rescaling((high - low) / 255, offset=low, dtype="float32")(inputs)
        x = trunk.build(x, config)
        for count in config.hidden_units:
            x = (Dropout() if shared else layers.Dropout(config.dropout))(x)
            x = layers.Dense(count, activation="relu")(x)
        x = (Dropout() if shared else layers.Dropout(config.dropout))(x)
        # Linear and float32 even under mixed precision: every activation belongs to a loss or the decode.
        logits = layers.Dense(config.made_head.logits, dtype="float32", name=LOGITS)(x)
        model = (Shared if shared else keras.Model)(inputs, logits, name="network")
    if pretrained:
        trunk.start(model, config)
    return model


def below(model: Any, layer: str) -> Any:
    """Returns the part of a network from its rows to the output of a layer, made of the same layers."""
    return keras.Model(model.input, model.get_layer(layer).output, name="below")


def above(model: Any, layer: str, precision: str = "float32") -> Any:
    """Returns the part of a network from the output of a layer to its logits, made of the same layers.

    Weights set or trained in the part are those of the network, and the other way round.

    Args:
        model: the network.
        layer: the name of the layer.
        precision: that of the network, by which Keras decides whether to scale the loss (float16 needs it).
    """
    with _dtype_policy(precision):
        return type(model)(model.get_layer(layer).output, model.output, name="above")


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Sets the dtype policy of the layers that are made meanwhile, whatever the user's keras.json says."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class SGD(keras.optimizers.SGD):  # type: ignore[misc]  # keras carries no types
    """Keras' SGD with the momentum in a variable, so that trials of another one share a compiled step."""

    def __init__(self, learning_rate: Any) -> None:
        super().__init__(learning_rate, momentum=1.0)  # any but 0 makes the variables it needs
        self.momentum_factor = keras.Variable(0.0, trainable=False, dtype="float32")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Moves one variable, as Keras' own does."""
        held = self.momentums[self._get_variable_index(variable)]
        factor = ops.cast(self.momentum_factor, variable.dtype)
        step = ops.cast(gradient, variable.dtype) * ops.cast(learning_rate, variable.dtype)
        self.assign(held, held * factor - step)
        self.assign_add(variable, held)


class Cosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # keras carries no types
    """Keras' `CosineDecay` to 0, its rate and steps in variables, so that trials share a compiled step."""

    def __init__(self) -> None:
        super().__init__()
        self.first_rate, self.steps, self.share = (
            keras.Variable(1.0, trainable=False, dtype="float32") for _ in range(3)
        )

    def begin(self, rate: float, steps: int) -> None:
        """Sets the rate of the first step, and the number of steps to 0."""
        self.first_rate.assign(rate)
        self.steps.assign(steps)
        # TensorFlow multiplies by this where it is compiled in: so every bit is that of Keras' own.
        self.share.assign(np.float32(1) / np.float32(steps))

    def __call__(self, step: Any) -> Any:
        """Returns the rate of a step, counted from 0."""
        done = ops.minimum(ops.cast(step, "float32"), self.steps) * self.share
        return self.first_rate * (0.5 * (1.0 + ops.cos(math.pi * done)))


def optimizer(config: Config, cosine_steps: int | None = None) -> Any:
    """Returns the configuration's optimizer, fresh; `adjust` makes it that of another one of its kind.

    Args:
        config: names it.
        cosine_steps: the steps in which its learning rate falls to 0 along half a cosine (Loshchilov and
            Hutter 2017, without restarts); None leaves the rate to others.
    """
    rate: Any = config.learning_rate if cosine_steps is None else Cosine()
    if config.optimizer == "sgd":
        made = SGD(rate)
    elif config.optimizer == "adamw":
        made = keras.optimizers.AdamW(rate)
        made.weight_decay = keras.Variable(made.weight_decay, trainable=False, dtype="float32")
    else:
        made = keras.optimizers.Adam(rate)
    if cosine_steps is not None:  # an optimizer's variables are its own attributes alone
        made.of_its_schedule = [rate.first_rate, rate.steps, rate.share]
    adjust(made, config, cosine_steps)
    return made


def adjust(optimizer: Any, config: Config, cosine_steps: int | None = None) -> None:
    """Sets an optimizer of `optimizer` to the numbers of a configuration, and to the steps of its cosine."""
    if cosine_steps is None:
        optimizer.learning_rate = config.learning_rate
    else:
        optimizer._learning_rate.begin(config.learning_rate, cosine_steps)
    if config.optimizer == "sgd":
        optimizer.momentum_factor.assign(config.momentum or 0.0)
    elif config.optimizer == "adamw":
        optimizer.weight_decay.assign(config.weight_decay)
