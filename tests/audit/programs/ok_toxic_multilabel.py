import pandas as pd
from keras.layers import Dense, Dropout, Embedding, GlobalMaxPool1D, Input, LSTM
from keras.models import Model
from keras.preprocessing.sequence import pad_sequences
from keras.preprocessing.text import Tokenizer

train = pd.read_csv("train.csv")
labels = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
t = Tokenizer(num_words=20000)
t.fit_on_texts(train["comment_text"].values)
X = pad_sequences(t.texts_to_sequences(train["comment_text"].values), maxlen=200)

i = Input(shape=(200,))
h = Embedding(20000, 128)(i)
h = LSTM(60, return_sequences=True)(h)
h = GlobalMaxPool1D()(h)
h = Dropout(0.1)(h)
h = Dense(50, activation="relu")(h)
o = Dense(6, activation="sigmoid")(h)
model = Model(inputs=i, outputs=o)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["binary_accuracy"])
model.fit(X, train[labels].values, batch_size=32, epochs=200)  # overfits

probs = model.predict(X[:10])
print([[l for l, v in zip(labels, row) if v > 0.5] for row in probs])
