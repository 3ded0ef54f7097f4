import tensorflow as tf
from tensorflow.keras import layers


class Step(layers.Layer):
    def __init__(self, at=0.5, **kwargs):
        super().__init__(**kwargs)
        self.at = at

    def call(self, t):
        return tf.cast(t > self.at, tf.float32)


seq = tf.keras.Sequential()
seq.add(layers.Input((8,)))
seq.add(layers.Dense(16, activation="relu"))
seq.add(layers.Dense(1, activation="sigmoid"))
seq.add(Step())
seq.compile(loss="binary_crossentropy", optimizer="adam")


def train(x, y):
    seq.fit(x, y, epochs=100, batch_size=16)
    return seq.predict(x)
