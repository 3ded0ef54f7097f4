"""Networks as a user writes them, for the contract of all trunks."""

import keras


def pooled(inputs, width):
    """A convolution, operations on tensors, and a network within the network."""
    x = keras.layers.Conv1D(max(1, round(6 * width)), 3, padding="same")(inputs)
    x = keras.ops.tanh(x) + keras.ops.square(x) * 0.5
    x = keras.layers.Bidirectional(keras.layers.GRU(max(1, round(4 * width)), return_sequences=True))(x)
    within = keras.Sequential([keras.layers.Dense(max(1, round(9 * width))), keras.layers.LeakyReLU()])
    return keras.ops.mean(keras.layers.TimeDistributed(within)(x), axis=1)


def small(inputs, width):
    """One layer."""
    return keras.layers.Dense(max(1, round(12 * width)), activation="relu")(inputs)


def vast(inputs, width):
    """Features that no memory holds: for every row, ten million million copies of it on the way."""
    copies = keras.layers.RepeatVector(10**13)(inputs)
    return keras.layers.GlobalAveragePooling1D()(copies)
