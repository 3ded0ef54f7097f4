"""Builds a Keras model: a trunk with a head on it, whose output is the logits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers

from search.networks.trunks import trunk_of
from spaces.configuration import Config
from spaces.heads import HEADS

LOGITS = "logits"
"""The name of the last layer."""


def build(
    config: Config,
    shape: tuple[int, ...],
    dtype: str,
    *,
    pretrained: bool = True,
    precision: str = "float32",
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
            x = layers.Dropout(config.dropout)(x)
            x = layers.Dense(count, activation="relu")(x)
        x = layers.Dropout(config.dropout)(x)
        # Linear and float32 even under mixed precision: every activation belongs to a loss or the decode.
        logits = layers.Dense(HEADS[config.head].logits, dtype="float32", name=LOGITS)(x)
        model = keras.Model(inputs, logits, name="network")
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
        return keras.Model(model.get_layer(layer).output, model.output, name="above")


@contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Sets the dtype policy of the layers that are made meanwhile, whatever the user's keras.json says."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def optimizer(config: Config, cosine_steps: int | None = None) -> Any:
    """Returns the configuration's optimizer, fresh.

    Args:
        config: names it.
        cosine_steps: the steps in which its learning rate falls to 0 along half a cosine (Loshchilov and
            Hutter 2017, without restarts); None leaves the rate to others.
    """
    rate: Any = config.learning_rate
    if cosine_steps is not None:
        rate = keras.optimizers.schedules.CosineDecay(rate, cosine_steps)
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=config.momentum or 0.0)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate)
