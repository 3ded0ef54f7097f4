import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

QS = [0.1, 0.5, 0.9]


def pinball(y, q_hat):
    y = tf.reshape(tf.cast(y, q_hat.dtype), (-1, 1))
    e = y - q_hat
    q = tf.constant(QS, dtype=q_hat.dtype)
    return tf.reduce_mean(tf.maximum(q * e, (q - 1) * e))


i = layers.Input((24,))
h = layers.Dense(64, activation="relu")(i)
h = layers.Dense(64, activation="relu")(h)
o = layers.Dense(len(QS))(h)
load = tf.keras.Model(i, o)
load.compile(optimizer="adam", loss=pinball)


def band(x):
    p = load.predict(x)
    return p[:, 0], p[:, 1], p[:, 2]


def report(x, y):
    low, mid, high = band(x)
    print("inside", np.mean((y > low) & (y < high)), "mae", np.mean(np.abs(y - mid)))
