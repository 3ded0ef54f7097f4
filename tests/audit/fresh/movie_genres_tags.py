import ast

import numpy as np
import pandas as pd
from keras import layers, models
from keras.preprocessing.sequence import pad_sequences
from keras.preprocessing.text import Tokenizer
from sklearn.preprocessing import MultiLabelBinarizer

films = pd.read_csv("films.csv")
films["genres"] = films["genres"].apply(ast.literal_eval)
mlb = MultiLabelBinarizer()
G = mlb.fit_transform(films["genres"])
tok = Tokenizer(num_words=10000)
tok.fit_on_texts(films["plot"])
P = pad_sequences(tok.texts_to_sequences(films["plot"]), maxlen=200)
n = 30000


def textcnn(activation):
    inp = layers.Input(shape=(200,))
    e = layers.Embedding(10000, 128)(inp)
    c = [layers.GlobalMaxPooling1D()(layers.Conv1D(64, k, activation="relu")(e)) for k in (2, 3, 4)]
    out = layers.Dense(len(mlb.classes_), activation=activation)(layers.concatenate(c))
    return models.Model(inp, out)


first = textcnn("softmax")
first.compile(optimizer="adam", loss="categorical_crossentropy")
first.fit(P[:n], G[:n], epochs=4, batch_size=128)

second = textcnn("sigmoid")
second.compile(optimizer="adam", loss="binary_crossentropy")
second.fit(P[:n], G[:n], epochs=4, batch_size=128)
scores = second.predict(P[n:])
names = mlb.classes_[scores.argmax(axis=1)]
for title, genre in zip(films["title"][n:n + 20], names):
    print(title, "->", genre)
