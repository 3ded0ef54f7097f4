import tensorflow as tf
from tensorflow.keras import layers


class AdditiveAttention(layers.Layer):
    def __init__(self, units=64):
        super().__init__()
        self.w = layers.Dense(units, activation="tanh")
        self.v = layers.Dense(1)

    def call(self, h):
        a = tf.nn.softmax(self.v(self.w(h)), axis=1)
        return tf.reduce_sum(a * h, axis=1), a


class Reader(tf.keras.Model):
    def __init__(self, vocab, n_out):
        super().__init__()
        self.e = layers.Embedding(vocab, 100)
        self.r = layers.GRU(64, return_sequences=True)
        self.att = AdditiveAttention()
        self.out = layers.Dense(n_out, activation="softmax")

    def call(self, t):
        c, _ = self.att(self.r(self.e(t)))
        return self.out(c)


reader = Reader(20000, 5)
reader.compile(optimizer="adagrad", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
