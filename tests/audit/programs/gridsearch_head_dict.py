from itertools import product

import numpy as np
from tensorflow import keras

CONFIG = {
    "units": [32, 64],
    "dropout": [0.2, 0.5],
    "output_units": 1,
    "output_activation": "softmax",
    "loss": "binary_crossentropy",
}


def make_model(units, dropout):
    return keras.Sequential([
        keras.layers.Dense(units, activation="relu", input_shape=(30,)),
        keras.layers.Dropout(dropout),
        keras.layers.Dense(CONFIG["output_units"], activation=CONFIG["output_activation"]),
    ])


X, y = np.load("wdbc_x.npy"), np.load("wdbc_y.npy")
best = None
for units, dropout in product(CONFIG["units"], CONFIG["dropout"]):
    model = make_model(units, dropout)
    model.compile(optimizer="adam", loss=CONFIG["loss"], metrics=["accuracy"])
    h = model.fit(X, y, validation_split=0.25, epochs=40, verbose=0)
    score = max(h.history["val_accuracy"])
    if best is None or score > best[0]:
        best = (score, units, dropout)
print(best)
