"""Keras models that end in every way people write, on known weights: `X @ W + B` are their logits."""

from pathlib import Path

import numpy as np

W = np.array([[0.4, 2.0], [-0.3, -1.0], [0.2, 0.5], [0.1, 0.3]], dtype=np.float32)
B = np.array([0.2, -0.9], dtype=np.float32)
SHAPE = (4,)


def rows(n=300, seed=0):
    """Inputs `(n, 4)`, labels of which a third is positive, and ten groups."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 3 == 0).astype(np.int64)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    x[:, 0] += 1.2 * y
    return x, y, np.arange(n) // (n // 10)


def logits(x, units):
    """The logits `(n, units)` of every model here, float64; of one unit the second column."""
    return (x.astype(np.float64) @ W + B)[:, -units:]


def weighed(model, units):
    """Gives the one dense layer of a model its weights."""
    model.set_weights([W[:, -units:], B[-units:]])
    return model


def dense(units, activation=None, **settings):
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input(SHAPE), layers.Dense(units, activation=activation, **settings)])
    return weighed(model, units)


def behind(units, *after, activation=None):
    """A dense layer in a sequential model, and what is called on its output."""
    import keras
    from keras import layers

    return weighed(keras.Sequential([keras.Input(SHAPE), layers.Dense(units, activation), *after]), units)


def operation(units, name):
    import keras
    from keras import layers, ops

    inputs = keras.Input(SHAPE)
    z = layers.Dense(units)(inputs)
    return weighed(keras.Model(inputs, {"sigmoid": ops.sigmoid, "softmax": ops.softmax}[name](z)), units)


def nested(units, activation, *after):
    """A functional model, within a sequential one, within a functional one, with more behind it."""
    import keras
    from keras import layers

    inner_inputs = keras.Input(SHAPE)
    inner = keras.Model(inner_inputs, layers.Dense(units, activation=activation)(inner_inputs))
    middle = keras.Sequential([keras.Input(SHAPE), inner])
    inputs = keras.Input(SHAPE)
    x = middle(inputs)
    for layer in after:
        x = layer(x)
    return weighed(keras.Model(inputs, x), units)


def built_by_call(units, activation):
    """A sequential model that never heard of a shape until it was called."""
    import keras
    from keras import layers

    model = keras.Sequential([layers.Dense(units, activation=activation)])
    model(np.zeros((2, *SHAPE), np.float32))
    return weighed(model, units)


def undefined_for_some():
    """A model that gives NaN where the first input is below -1.5."""
    import keras
    from keras import layers, ops

    inputs = keras.Input(SHAPE)
    x = ops.concatenate([ops.sqrt(inputs[:, :1] + 1.5), inputs[:, 1:]], axis=1)
    return weighed(keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x)), 1)


def save(folder: Path, model, name="model.keras", **compiled) -> Path:
    """Saves a model, compiled if anything is said of that."""
    if compiled:
        model.compile(**compiled)
    path = folder / name
    model.save(path)
    return path
