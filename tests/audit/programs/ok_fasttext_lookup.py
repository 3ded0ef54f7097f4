import json
import sys

import tensorflow as tf

LOSSES = {"one": "binary_crossentropy", "many": "sparse_categorical_crossentropy"}
HEADS = {"one": (1, "sigmoid"), "many": (None, "softmax")}


def build(kind, n_classes, vocab=30000):
    units, act = HEADS[kind]
    units = units or n_classes
    m = tf.keras.Sequential()
    m.add(tf.keras.layers.Embedding(vocab, 50))
    m.add(tf.keras.layers.GlobalAveragePooling1D())
    m.add(tf.keras.layers.Dense(units, activation=act))
    m.compile(optimizer="adam", loss=LOSSES[kind], metrics=["accuracy"])
    return m


if __name__ == "__main__":
    cfg = json.load(open(sys.argv[1]))
    model = build(cfg["kind"], cfg["n_classes"])
    print(model.count_params())
