import numpy as np
import keras
from keras import layers

auc = keras.metrics.AUC(name="auc")


def make(units):
    m = keras.Sequential([
        keras.Input((20,)),
        layers.Dense(units, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ])
    return m


small, large = make(8), make(256)
small.compile(optimizer="adam", loss="binary_crossentropy", metrics=[auc])
large.compile(optimizer="adam", loss="binary_crossentropy", metrics=[auc])

x = np.random.normal(size=(2000, 20))
y = (x[:, 0] * x[:, 1] > 0).astype("int32")
for m in (small, large):
    m.fit(x[:1500], y[:1500], epochs=10, verbose=0)
    print(m.evaluate(x[1500:], y[1500:], verbose=0))
