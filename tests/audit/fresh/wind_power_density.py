"""Probabilistic forecast of a wind park: mean and log variance of a Gaussian."""
import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

HALF_LOG_2PI = 0.9189385332


def gaussian_nll(y, out):
    mean, log_var = tf.split(out, 2, axis=-1)
    return tf.reduce_mean(HALF_LOG_2PI + 0.5 * log_var + 0.5 * tf.square(y - mean) * tf.exp(-log_var))


park = pd.read_csv("park.csv", parse_dates=["t"]).set_index("t")
y = park.pop("power_mw").to_frame().to_numpy("float32")
cut = park.index < "2020-01-01"
mu, sd = park[cut].mean(), park[cut].std()
X = ((park - mu) / sd).to_numpy("float32")

model = Sequential([Dense(64, activation="relu"), Dense(64, activation="relu"), Dense(2)])
model.compile(optimizer="adam", loss=gaussian_nll)
model.fit(X[cut], y[cut], epochs=25, batch_size=256)
mean, log_var = model.predict(X[~cut]).T
inside = np.abs(y[~cut, 0] - mean) < 1.64 * np.exp(log_var / 2)
print("coverage of the 90% band:", inside.mean())
