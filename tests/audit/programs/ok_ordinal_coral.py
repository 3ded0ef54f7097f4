import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

LEVELS = 5  # grades 0..4 of retinopathy, as four questions "more than k?"


def to_levels(grade):
    return (np.asarray(grade)[:, None] > np.arange(LEVELS - 1)).astype("float32")


class Cumulative(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(shape[-1], 1))
        self.b = self.add_weight(name="b", shape=(LEVELS - 1,), initializer="zeros")

    def call(self, x):
        return tf.matmul(x, self.w) + self.b


eye = layers.Input((224, 224, 3))
base = tf.keras.applications.EfficientNetB0(include_top=False, input_tensor=eye, pooling="avg")
logits = Cumulative()(base.output)
model = tf.keras.Model(eye, logits)
model.compile("adam", tf.keras.losses.BinaryCrossentropy(from_logits=True))


def grade(photos):
    return (model.predict(photos) > 0).sum(axis=1)
