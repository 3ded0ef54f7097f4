import numpy as np
import pandas as pd
from keras.layers import Dense, Embedding, GRU, Input
from keras.models import Model
from keras.preprocessing.sequence import pad_sequences
from keras.preprocessing.text import Tokenizer

COLS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
train = pd.read_csv("train.csv")
test = pd.read_csv("test.csv")
tok = Tokenizer(num_words=20000)
tok.fit_on_texts(list(train["comment_text"]))
X = pad_sequences(tok.texts_to_sequences(train["comment_text"]), maxlen=100)
Xt = pad_sequences(tok.texts_to_sequences(test["comment_text"]), maxlen=100)
Y = train[COLS].values

inp = Input(shape=(100,))
z = Embedding(20000, 128)(inp)
z = GRU(64)(z)
z = Dense(6, activation="sigmoid")(z)
model = Model(inputs=inp, outputs=z)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["binary_accuracy"])
model.fit(X, Y, batch_size=32, epochs=2, validation_split=0.1)

pred = model.predict(Xt)
best = np.argmax(pred, axis=1)
print([COLS[i] for i in best[:20]])
