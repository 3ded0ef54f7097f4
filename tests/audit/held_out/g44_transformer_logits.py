import keras
import numpy as np
from keras import layers, ops


class Block(layers.Layer):
    def __init__(self, d, heads, ff):
        super().__init__()
        self.att = layers.MultiHeadAttention(heads, d // heads)
        self.ff = keras.Sequential([layers.Dense(ff, activation="relu"), layers.Dense(d)])
        self.a, self.b = layers.LayerNormalization(), layers.LayerNormalization()

    def call(self, x):
        x = self.a(x + self.att(x, x))
        return self.b(x + self.ff(x))


class Classifier(keras.Model):
    def __init__(self, vocab=20000, d=32):
        super().__init__()
        self.tok = layers.Embedding(vocab, d)
        self.block = Block(d, 2, 32)
        self.drop = layers.Dropout(0.1)
        self.logit = layers.Dense(1)

    def call(self, t, training=None):
        h = ops.mean(self.block(self.tok(t)), axis=1)
        return self.logit(self.drop(h, training=training))


c = Classifier()
c.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), [keras.metrics.BinaryAccuracy(threshold=0.0)])
(x, y), (xt, yt) = keras.datasets.imdb.load_data(num_words=20000)
x, xt = (keras.utils.pad_sequences(v, 100) for v in (x, xt))
c.fit(x, y, epochs=1)
print(np.mean((c.predict(xt)[:, 0] > 0) == yt))
