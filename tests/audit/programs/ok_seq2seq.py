from tensorflow.keras.layers import Dense, Embedding, Input, LSTM, TimeDistributed
from tensorflow.keras.models import Model
import numpy as np

SRC, TGT, DIM = 4000, 6000, 256

enc_in = Input((None,))
_, h, c = LSTM(DIM, return_state=True)(Embedding(SRC, DIM, mask_zero=True)(enc_in))
dec_in = Input((None,))
dec, _, _ = LSTM(DIM, return_sequences=True, return_state=True)(
    Embedding(TGT, DIM, mask_zero=True)(dec_in), initial_state=[h, c]
)
out = TimeDistributed(Dense(TGT, activation="softmax"))(dec)
model = Model([enc_in, dec_in], out)
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["accuracy"])


def greedy(sentence, start, stop, most=50):
    words = [start]
    while words[-1] != stop and len(words) < most:
        p = model.predict([sentence[None], np.array([words])])
        words.append(int(np.argmax(p[0, -1, :])))
    return words[1:-1]
