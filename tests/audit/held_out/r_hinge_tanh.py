import argparse
import tensorflow as tf

ap = argparse.ArgumentParser()
ap.add_argument("--units", type=int, default=100)
ap.add_argument("--loss", default="hinge")
opts = ap.parse_args()

from sklearn.datasets import make_circles  # noqa: E402

X, y = make_circles(n_samples=1000, noise=0.1, random_state=1)
y[y == 0] = -1
n = 500
model = tf.keras.models.Sequential([
    tf.keras.layers.Dense(opts.units, input_dim=2, activation="relu", kernel_initializer="he_uniform"),
    tf.keras.layers.Dense(1, activation="tanh"),
])
model.compile(loss="hinge", optimizer=tf.keras.optimizers.SGD(learning_rate=0.01, momentum=0.9))
model.fit(X[:n], y[:n], validation_data=(X[n:], y[n:]), epochs=200, verbose=0)
