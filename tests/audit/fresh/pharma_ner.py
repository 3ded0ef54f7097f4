import json

import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import LSTM, Bidirectional, Dense, Embedding, Input, TimeDistributed
from tensorflow.keras.models import Model
from tensorflow.keras.utils import pad_sequences

with open("ner.json") as fh:
    corpus = json.load(fh)
tags = ["PAD", "O", "B-DRUG", "I-DRUG", "B-DOSE", "I-DOSE"]
words = {w: i + 2 for i, w in enumerate(sorted({w for s in corpus["train"] for w, _ in s}))}
L = 75


def encode(sentences):
    x = pad_sequences([[words.get(w, 1) for w, _ in s] for s in sentences], L, padding="post")
    y = pad_sequences([[tags.index(t) for _, t in s] for s in sentences], L, padding="post")
    return x, y


x, y = encode(corpus["train"])
xt, yt = encode(corpus["test"])
inp = Input((L,))
h = Embedding(len(words) + 2, 64, mask_zero=True)(inp)
h = Bidirectional(LSTM(64, return_sequences=True))(h)
out = TimeDistributed(Dense(len(tags), activation="softmax"))(h)
tagger = Model(inp, out)
tagger.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
tagger.fit(x, y, epochs=12, batch_size=64)
hat = np.argmax(tagger.predict(xt), axis=-1)
keep = yt > 0
print("token accuracy", (hat[keep] == yt[keep]).mean())
