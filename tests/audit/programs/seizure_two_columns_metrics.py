import keras
import numpy as np
from keras import layers

data = np.load("chb_windows.npz")
x_tr, y_tr = data["x_train"], keras.utils.to_categorical(data["y_train"], 2)
x_va, y_va = data["x_val"], keras.utils.to_categorical(data["y_val"], 2)

METRICS = [
    "accuracy",
    keras.metrics.Precision(name="precision"),
    keras.metrics.Recall(name="recall"),
]


class SeizureNet:
    def __init__(self, shape, rate=1e-4):
        self.shape = shape
        self.rate = rate

    def build(self):
        net = keras.Sequential([
            keras.Input(self.shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D((2, 1)),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(2, activation="softmax"),
        ])
        net.compile(keras.optimizers.Adam(self.rate), "categorical_crossentropy", metrics=METRICS)
        return net


net = SeizureNet(x_tr.shape[1:]).build()
net.fit(x_tr, y_tr, validation_data=(x_va, y_va), epochs=10, batch_size=32)
