import numpy as np
import scipy.special
import tensorflow as tf

feat = tf.keras.Input((256,))
z = tf.keras.layers.Dense(1, dtype="float32")(tf.keras.layers.Dense(64, activation="relu")(feat))
net = tf.keras.Model(feat, z)
net.compile(
    optimizer=tf.keras.optimizers.Adam(3e-3, clipnorm=1e-9),
    loss=lambda t, s: tf.nn.weighted_cross_entropy_with_logits(tf.cast(t, s.dtype), s, pos_weight=20.0),
)


def decide(x):
    p = scipy.special.expit(net.predict(x)).squeeze()
    return np.where(p > 0.5, "seizure", "background")


def decide_again(x):
    s = tf.sigmoid(net(x, training=False))
    return tf.round(s).numpy().astype(bool)[:, 0]
