import keras
import tensorflow as tf
from keras import layers


class Contrast(keras.Model):
    def __init__(self, enc, width=128, temperature=0.1):
        super().__init__()
        self.enc, self.t = enc, temperature
        self.proj = keras.Sequential([layers.Dense(width, activation="relu"), layers.Dense(width)])
        self.probe = keras.Sequential([layers.Dense(10)])
        self.ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def nt_xent(self, a, b):
        a, b = tf.math.l2_normalize(a, 1), tf.math.l2_normalize(b, 1)
        sim = tf.matmul(a, b, transpose_b=True) / self.t
        y = tf.range(tf.shape(a)[0])
        return (self.ce(y, sim) + self.ce(y, tf.transpose(sim))) / 2

    def train_step(self, data):
        (v1, v2), (x, y) = data
        with tf.GradientTape() as tape:
            loss = self.nt_xent(self.proj(self.enc(v1)), self.proj(self.enc(v2)))
        ws = self.enc.trainable_weights + self.proj.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, ws), ws))
        with tf.GradientTape() as tape:
            p = self.ce(y, self.probe(self.enc(x)))
        ws = self.probe.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(p, ws), ws))
        return {"loss": loss, "probe": p}
