import numpy as np
import keras
from keras import layers

normal = np.load("ecg_normal.npy")
mixed = np.load("ecg_mixed.npy")
lo, hi = normal.min(), normal.max()
normal = (normal - lo) / (hi - lo)
mixed = (mixed - lo) / (hi - lo)

ae = keras.Sequential([
    keras.Input((140,)),
    layers.Dense(32, activation="relu"),
    layers.Dense(8, activation="relu"),
    layers.Dense(32, activation="relu"),
    layers.Dense(140, activation="sigmoid"),
])
ae.compile(optimizer="adam", loss="mae")
ae.fit(normal, normal, epochs=20, batch_size=512, validation_split=0.1)

errors = np.mean(np.abs(ae.predict(normal) - normal), axis=1)
threshold = errors.mean() + errors.std()
flag = np.mean(np.abs(ae.predict(mixed) - mixed), axis=1) > threshold
print(flag.sum(), "of", len(flag))
