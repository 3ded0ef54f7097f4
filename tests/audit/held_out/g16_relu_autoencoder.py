import keras
from keras import layers
import numpy as np

spectra = np.load("raman.npy")  # intensities, never negative
peak = spectra.max(axis=1, keepdims=True)
spectra = spectra / peak * 100

i = keras.Input((1024, 1))
e = layers.Conv1D(16, 9, strides=4, padding="same", activation="relu")(i)
e = layers.Conv1D(8, 9, strides=4, padding="same", activation="relu")(e)
d = layers.Conv1DTranspose(16, 9, strides=4, padding="same", activation="relu")(e)
d = layers.Conv1DTranspose(1, 9, strides=4, padding="same", activation="relu")(d)
dae = keras.Model(i, d)
dae.compile("adam", "mean_squared_error")
noisy = spectra + np.random.normal(0, 5, spectra.shape)
dae.fit(noisy[..., None], spectra[..., None], epochs=100, batch_size=16)
encoded = keras.Model(i, e).predict(noisy[..., None])
print(encoded.shape)
