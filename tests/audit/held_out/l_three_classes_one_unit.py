import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tensorflow.keras.layers import Dense, Embedding, SpatialDropout1D, LSTM
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.text import Tokenizer

df = pd.read_csv("airline_tweets.csv")
df = df[["text", "airline_sentiment"]]
Y = pd.get_dummies(df["airline_sentiment"]).values
tr_t, te_t, tr_y, te_y = train_test_split(df["text"], Y, test_size=0.2)
tk = Tokenizer(num_words=2000)
tk.fit_on_texts(tr_t)
tr_x = pad_sequences(tk.texts_to_sequences(tr_t), maxlen=40)
te_x = pad_sequences(tk.texts_to_sequences(te_t), maxlen=40)

CLASSES = {"negative": 0, "neutral": 1, "positive": 2}
tr_c = np.eye(3)[tr_y.argmax(axis=1)]
model = Sequential([
    Embedding(2000, 64),
    SpatialDropout1D(0.4),
    LSTM(96),
    Dense(2, activation="softmax"),
])
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(tr_x, tr_c, epochs=5, batch_size=64)
