"""A trunk with a head on it: one Keras model whose output is the logits, and nothing but the logits."""

from typing import Any

import keras
from keras import layers

from search.trunks import trunk_of
from spaces.heads import HEADS
from spaces.suggest import Config

LOGITS = "logits"
"""The name of the last layer."""


def build(config: Config, shape: tuple[int, ...], dtype: str, *, pretrained: bool = True) -> Any:
    """Builds the network of a configuration.

    Args:
        config: what to build.
        shape: shape of one row.
        dtype: `float32`, or `uint8` for pixels, which are scaled to the trunk's range inside the network.
        pretrained: whether to start from `config.weights`; without, their file is not needed. Not where a
            trial's own weights are set next.

    Returns:
        A `keras.Model` from `(batch, *shape)` to float32 logits `(batch, head.logits)`.

    Raises:
        RunError: the trunk is a function of the user's own and fails, or the pretrained weights do not load.
    """
    trunk = trunk_of(config.trunk)
    low, high = trunk.pixels
    inputs = keras.Input(shape, dtype=dtype, name="x")
    x = layers.Rescaling((high - low) / 255, offset=low)(inputs) if dtype == "uint8" else inputs
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


def optimizer(config: Config) -> Any:
    """Returns the configuration's optimizer, fresh."""
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(config.learning_rate, momentum=config.momentum or 0.0)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(config.learning_rate)
