import numpy as np
import tensorflow as tf

raw = np.genfromtxt("concrete.csv", delimiter=",", skip_header=1).astype("float32")
np.random.shuffle(raw)
x, y = raw[:, :-1], raw[:, -1]
mu, sd = x[:800].mean(0), x[:800].std(0)
x = (x - mu) / sd

f = tf.keras.Sequential([tf.keras.layers.Dense(64, "relu", input_shape=(8,)), tf.keras.layers.Dense(1)])
sgd = tf.keras.optimizers.Adam(1e-3)
for step in range(3000):
    idx = np.random.randint(0, 800, 64)
    with tf.GradientTape() as tape:
        err = tf.reduce_mean(tf.square(y[idx] - f(x[idx])))
    grads = tape.gradient(err, f.trainable_variables)
    sgd.apply_gradients(zip(grads, f.trainable_variables))
print("test rmse", np.sqrt(np.mean((f(x[800:]).numpy()[:, 0] - y[800:]) ** 2)))
