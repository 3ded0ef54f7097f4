import math
import tensorflow as tf
from tensorflow.keras.layers import Concatenate, Dense, Input
from tensorflow.keras.models import Model

K_MIX = 5
x = Input(shape=(1,))
h = Dense(32, activation="tanh")(x)
pi = Dense(K_MIX, activation="softmax")(h)
mu = Dense(K_MIX)(h)
sigma = Dense(K_MIX, activation="softplus")(h)
mdn = Model(x, Concatenate()([pi, mu, sigma]))


def nll(y, params):
    p, m, s = tf.split(params, 3, axis=1)
    z = (y - m) / (s + 1e-6)
    comp = p * tf.exp(-0.5 * z ** 2) / (s + 1e-6) / math.sqrt(2 * math.pi)
    return -tf.reduce_mean(tf.math.log(tf.reduce_sum(comp, axis=1) + 1e-9))


mdn.compile(optimizer=tf.keras.optimizers.Adam(0.1), loss=nll)
