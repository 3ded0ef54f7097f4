import json
from pathlib import Path

import tensorflow as tf
from tensorflow.keras import layers

SETTINGS = {
    "vocab": 20000,
    "length": 60,
    "emb": 100,
    "rnn": 64,
    "emotions": ["sadness", "joy", "love", "anger", "fear", "surprise"],
    "head": {"activation": "sigmoid"},
    "fit": {"epochs": 8, "batch_size": 128},
    "loss": "sparse_categorical_crossentropy",
}


def load(part):
    rows = [json.loads(r) for r in Path(f"data/{part}.jsonl").read_text().splitlines()]
    texts = tf.constant([r["text"] for r in rows])
    y = tf.constant([SETTINGS["emotions"].index(r["emotion"]) for r in rows])
    return texts, y


def make(cfg, vectorize):
    net = tf.keras.Sequential()
    net.add(tf.keras.Input(shape=(1,), dtype=tf.string))
    net.add(vectorize)
    net.add(layers.Embedding(cfg["vocab"], cfg["emb"]))
    net.add(layers.Bidirectional(layers.GRU(cfg["rnn"])))
    net.add(layers.Dropout(0.4))
    net.add(layers.Dense(len(cfg["emotions"]), **cfg["head"]))
    net.compile(optimizer="adam", loss=cfg["loss"], metrics=["accuracy"])
    return net


if __name__ == "__main__":
    x, y = load("train")
    vec = layers.TextVectorization(SETTINGS["vocab"], output_sequence_length=SETTINGS["length"])
    vec.adapt(x)
    model = make(SETTINGS, vec)
    model.fit(x, y, validation_data=load("val"), **SETTINGS["fit"])
    model.save("emotion.keras")
