import tensorflow as tf


class Tagger(tf.keras.Model):
    def __init__(self, n_tags):
        super().__init__()
        self.embed = tf.keras.layers.Embedding(8000, 64)
        self.rnn = tf.keras.layers.LSTM(64)
        self.out = tf.keras.layers.Dense(n_tags)

    def call(self, tokens):
        h = self.rnn(self.embed(tokens))
        scores = self.out(h)
        return tf.cast(tf.argmax(scores, axis=-1), tf.float32)


def load(path):
    import numpy as np

    z = np.load(path)
    return z["tokens"], z["tags"]


tokens, tags = load("tags.npz")
tagger = Tagger(5)
tagger.compile(optimizer="adam", loss="mse")
tagger.fit(tokens, tags, epochs=3)
