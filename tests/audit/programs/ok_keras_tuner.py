import keras
import keras_tuner as kt
import numpy as np


def build(hp):
    m = keras.Sequential([keras.Input((64,))])
    for i in range(hp.Int("layers", 1, 4)):
        m.add(keras.layers.Dense(hp.Choice(f"u{i}", [16, 64, 256]), activation=hp.Choice("act", ["relu", "tanh"])))
    m.add(keras.layers.Dense(10, activation="softmax"))
    m.compile(
        optimizer=keras.optimizers.Adam(hp.Float("lr", 1e-5, 1.0, sampling="log")),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return m


z = np.load("digits.npz")
tuner = kt.RandomSearch(build, objective="val_accuracy", max_trials=20)
tuner.search(z["x"], z["y"], validation_split=0.2, epochs=5)
best = tuner.get_best_models(1)[0]
print(np.argmax(best.predict(z["x_test"]), axis=-1))
