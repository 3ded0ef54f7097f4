import numpy as np
import tensorflow as tf

u = tf.keras.Sequential([tf.keras.layers.Dense(20, "tanh") for _ in range(4)] + [tf.keras.layers.Dense(1)])
opt = tf.keras.optimizers.Adam(1e-3)
nu = 0.01 / np.pi


def residual(t, x):
    with tf.GradientTape(persistent=True) as outer:
        outer.watch([t, x])
        with tf.GradientTape(persistent=True) as inner:
            inner.watch([t, x])
            v = u(tf.concat([t, x], 1))
        v_t, v_x = inner.gradient(v, t), inner.gradient(v, x)
    return v_t + v * v_x - nu * outer.gradient(v_x, x)


for it in range(10000):
    t, x = tf.random.uniform((500, 1)), tf.random.uniform((500, 1), -1, 1)
    with tf.GradientTape() as tape:
        start = u(tf.concat([tf.zeros_like(x), x], 1)) + tf.sin(np.pi * x)
        loss = tf.reduce_mean(residual(t, x) ** 2) + tf.reduce_mean(start ** 2)
    opt.apply_gradients(zip(tape.gradient(loss, u.trainable_variables), u.trainable_variables))
