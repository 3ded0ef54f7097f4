import keras
import numpy as np
import pandas as pd

r = pd.read_csv("ratings.csv").sample(frac=1, random_state=0)
users = r["userId"].astype("category").cat.codes.values
films = r["movieId"].astype("category").cat.codes.values
stars = r["rating"].values.astype("float32")
lo, hi = stars.min(), stars.max()
y = (stars - lo) / (hi - lo)  # between 0 and 1


class Rec(keras.Model):
    def __init__(self, n_u, n_f, k=50):
        super().__init__()
        self.u, self.ub = keras.layers.Embedding(n_u, k), keras.layers.Embedding(n_u, 1)
        self.f, self.fb = keras.layers.Embedding(n_f, k), keras.layers.Embedding(n_f, 1)

    def call(self, ids):
        dot = keras.ops.sum(self.u(ids[:, 0]) * self.f(ids[:, 1]), axis=1, keepdims=True)
        return keras.ops.sigmoid(dot + self.ub(ids[:, 0]) + self.fb(ids[:, 1]))


rec = Rec(users.max() + 1, films.max() + 1)
rec.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.Adam(1e-3))
x = np.stack([users, films], axis=1)
rec.fit(x[:90000], y[:90000], batch_size=64, epochs=5, validation_data=(x[90000:], y[90000:]))
