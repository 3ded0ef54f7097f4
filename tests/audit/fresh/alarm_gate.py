import tensorflow as tf
from tensorflow.keras import layers


class Gate(tf.keras.Model):
    """Gives 1.0 where the machine should stop."""

    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = layers.GRU(hidden)
        self.p = layers.Dense(1, activation="sigmoid")

    def call(self, x, training=False):
        p = self.p(self.rnn(x, training=training))
        return tf.cast(p > 0.5, tf.float32)


def datasets(folder):
    def read(name):
        ds = tf.data.Dataset.load(f"{folder}/{name}")
        return ds.batch(32).prefetch(2)
    return read("train"), read("val")


if __name__ == "__main__":
    train, val = datasets("press_line_4")
    gate = Gate()
    gate.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    gate.fit(train, validation_data=val, epochs=10)
