import tensorflow as tf
from tensorflow.keras.layers import (
    Activation, Bidirectional, Dense, Embedding, Flatten, Input, LSTM, Lambda, Multiply, Permute, RepeatVector,
)
from tensorflow.keras.models import Model

MAXLEN, VOCAB = 120, 12000
tokens = Input((MAXLEN,), dtype="int32")
e = Embedding(VOCAB, 100)(tokens)
states = Bidirectional(LSTM(50, return_sequences=True))(e)
score = Dense(1, activation="tanh")(states)
score = Flatten()(score)
alpha = Activation("softmax", name="alpha")(score)
weights = Permute([2, 1])(RepeatVector(100)(alpha))
context = Lambda(lambda t: tf.reduce_sum(t, axis=1))(Multiply()([states, weights]))
verdict = Dense(1, activation="sigmoid")(context)
model = Model(tokens, verdict)
model.compile("adam", "binary_crossentropy", ["accuracy"])
explain = Model(tokens, alpha)


def highlights(x, words):
    top = explain.predict(x).argmax(axis=1)
    return [w[i] for w, i in zip(words, top)]
