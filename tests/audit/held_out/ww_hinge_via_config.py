import json

import keras
import numpy as np

SETTINGS = json.loads('{"hidden": 64, "epochs": 20}')
LOSS = "squared_hinge"
kinds = ["walk", "sit", "stand", "stairs"]
x = np.load("imu_x.npy")
y = np.load("imu_y.npy")
targets = np.full((len(y), len(kinds)), -1.0)
targets[np.arange(len(y)), y] = 1.0

inp = keras.Input(x.shape[1:])
h = keras.layers.LSTM(SETTINGS["hidden"])(inp)
margins = keras.layers.Dense(len(kinds), name="margins")(h)
net = keras.Model(inp, margins)
net.compile("adam", loss=LOSS)
net.fit(x, targets, epochs=SETTINGS["epochs"])
print(net.predict(x[:5]).argmax(axis=-1))
