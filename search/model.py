"""A trunk with a head on it: one Keras model whose output is the logits, and nothing but the logits."""

from typing import Any

import keras
from keras import layers

from search.trunks import TRUNKS
from spaces.heads import HEADS
from spaces.suggest import Config

LOGITS = "logits"
"""The name of the last layer."""


def build(config: Config, shape: tuple[int, ...], dtype: str) -> Any:
    """Builds the network of a configuration.

    Args:
        config: what to build.
        shape: shape of one row.
        dtype: `float32`, or `uint8` for pixels, which are then scaled to [0, 1] inside the network.

    Returns:
        A `keras.Model` from `(batch, *shape)` to float32 logits `(batch, head.logits)`.
    """
    inputs = keras.Input(shape, dtype=dtype, name="x")
    x = layers.Rescaling(1 / 255)(inputs) if dtype == "uint8" else inputs
    x = TRUNKS[config.trunk].build(x, config.width)
    for count in config.hidden_units:
        x = layers.Dropout(config.dropout)(x)
        x = layers.Dense(count, activation="relu")(x)
    x = layers.Dropout(config.dropout)(x)
    # Linear and float32 even under mixed precision: every activation belongs to a loss or the decode.
    logits = layers.Dense(HEADS[config.head].logits, dtype="float32", name=LOGITS)(x)
    return keras.Model(inputs, logits, name=f"{config.trunk}_{config.head}")


def optimizer(config: Config) -> Any:
    """Returns the configuration's optimizer, fresh."""
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(config.learning_rate, momentum=config.momentum or 0.0)
    if config.optimizer == "adamw":
        return keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(config.learning_rate)
