"""Mistakes in further forms: a line with a mark is found, one without is not."""

import pytest

from tests.audit.reading import audited, found, marked

HEAD = """\
import functools
import numpy as np, pandas as pd, tensorflow as tf
from functools import partial
from tensorflow import keras
from tensorflow.keras import backend as K, layers, Sequential, Model
"""
PROGRAMS = {
    "a layer by functools.partial": """
Last = functools.partial(layers.Dense, kernel_initializer="zeros", activation=tf.nn.softmax)
m = Sequential([layers.Dense(9, "relu"), Last(1)]) # HS101
m.compile(loss="sparse_categorical_crossentropy")
""",
    "a layer by a partial with its units": """
One = partial(layers.Dense, 1)
m = Sequential([One(activation="relu")]) # HS104
m.compile(loss="binary_crossentropy")
""",
    "a partial of a partial": """
Base = partial(layers.Dense, activation="sigmoid")
Wide = partial(Base, 4)
m = Sequential([layers.Flatten(), Wide()])
m.compile(loss="categorical_crossentropy") # HS102
""",
    "a partial of a class of losses": """
Loss = partial(keras.losses.BinaryCrossentropy, from_logits=True)
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=Loss()) # HS105
""",
    "a partial of an own loss": """
def scaled(y, p, weight, logits):
    return weight * K.binary_crossentropy(y, p, from_logits=logits)
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=partial(scaled, weight=3.0, logits=True)) # HS105
""",
    "a focal loss by a closure": """
def focal(gamma):
    def of_rows(y_true, y_pred):
        y_true = tf.cast(y_true, tf.float32)
        ce = tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)
        return tf.reduce_mean(tf.pow(1.0 - tf.exp(-ce), gamma) * ce)
    return of_rows
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=focal(2.0)) # HS105
""",
    "a cross-entropy of logits beside another term": """
def both(y, p):
    smooth = 1 - K.sum(y * p) / K.sum(y + p)
    return smooth + tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)
m = Sequential([layers.Dense(3, activation="softmax")])
m.compile(loss=both) # HS105
""",
    "a lambda that averages": """
m = Sequential([layers.Dense(1)]) # HS106
m.compile(loss=lambda y, p: K.mean(K.binary_crossentropy(y, p), axis=-1))
""",
    "a class of losses": """
class Weighted(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return 4.0 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
m = Sequential([layers.Dense(5, activation="softmax")])
m.compile(loss=Weighted()) # HS105
""",
    "a step that is given activated outputs": """
m = Sequential([layers.Dense(7, activation="softmax")])
def step(x, y):
    p = m(x, training=True)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=p) # HS105
""",
    "sign by name of TensorFlow": """
m = Sequential([layers.Dense(1, activation=tf.sign)]) # HS110
m.compile(loss="mse")
""",
    "a step of a comparison": """
def heaviside(z):
    return tf.where(z > 0, 1.0, 0.0)
m = Sequential([layers.Dense(4), layers.Activation(heaviside)]) # HS110
m.compile(loss="mse")
""",
    "a lambda that rounds": """
m = Sequential([layers.Dense(1, activation=lambda z: K.round(K.sigmoid(z)))]) # HS110
m.compile(loss="binary_crossentropy")
""",
    "metric objects as losses": """
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=keras.metrics.BinaryAccuracy()) # HS113
m.compile(loss=[keras.metrics.AUC()]) # HS113
m.compile(loss=keras.metrics.categorical_accuracy) # HS113
""",
    "class weights that name words": """
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss="binary_crossentropy")
m.fit(x, y, class_weight={"no": 1.0, "yes": 9.0}) # HS205
m.fit(x, y, class_weight={k: 1.0 for k in range(2)})
m.fit(x, y, class_weight=dict(enumerate(w)))
""",
    "several labels by the word of a metric": """
m = Sequential([layers.Dense(6, activation="sigmoid")])
m.compile(loss="binary_crossentropy", metrics=[keras.metrics.AUC(multi_label=True)])
m.fit(x, y, class_weight={0: 1.0, 1: 2.0}) # HS205
best = np.argmax(m.predict(x_test), axis=1) # HS403
""",
    "one of several classes each, ranked by a metric": """
m = Sequential([layers.Dense(6, activation="softmax")])
m.compile(loss="categorical_crossentropy", metrics=[keras.metrics.AUC(multi_label=True)])
m.fit(x, y, class_weight={0: 1.0, 1: 2.0})
best = np.argmax(m.predict(x_test), axis=1)
""",
    "as many columns as a binarizer finds": """
from sklearn.preprocessing import MultiLabelBinarizer
y = MultiLabelBinarizer().fit_transform(genres)
m = Sequential([layers.Dense(len(y[0]), activation="sigmoid")])
m.compile(loss="binary_crossentropy", metrics=["acc"]) # HS305
m.fit(x, y)
""",
    "own losses of other outputs": """
def squashed(y, z):
    return K.binary_crossentropy(y, K.sigmoid(z))
def told(y, z):
    hot = tf.one_hot(tf.cast(y[:, 0], tf.int32), 3)
    return tf.nn.softmax_cross_entropy_with_logits(labels=hot, logits=z)
m = Sequential([layers.Dense(1)])
m.compile(loss=squashed)
y = np.array([0, 1, 2, 0, 1, 2])
n = Sequential([layers.Dense(3)])
n.compile(loss=told)
n.fit(x, y)
""",
    "the step of a sequence": """
m = Sequential([layers.LSTM(8, return_sequences=True), layers.Dense(1, activation="sigmoid")])
m.compile(loss="binary_crossentropy")
when = np.argmax(m.predict(x_test), axis=1)
where = np.argmax(m.predict(x_test)[0])
what = np.argmax(m.predict(x_test), axis=-1) # HS401
""",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_what_is_marked_is_found_and_nothing_else(text: str) -> None:
    assert found(HEAD + text) == marked(HEAD + text)


def test_units_to_spare_are_a_note_that_says_that_it_trains() -> None:
    (one,) = audited("""
        from tensorflow import keras
        (x, y), _ = keras.datasets.mnist.load_data()
        m = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(12, "softmax")])
        m.compile(loss="sparse_categorical_crossentropy")
        m.fit(x, y)
    """).findings
    assert (one.rule.id, one.rule.severity) == ("HS107", "note")
    assert one.message == (
        "the last layer has 12 units, and there are 10 classes (keras.datasets.mnist): it trains, and the "
        "columns beyond are wasted: they are never the answer"
    )


def test_a_file_with_null_bytes_is_told_without_a_line() -> None:
    assert audited("x = 1\0").error == "is not Python 3: source code string cannot contain null bytes"
