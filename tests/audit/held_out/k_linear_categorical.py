#!/usr/bin/env python3
import sys

import keras
import numpy as np

x = np.load(sys.argv[1])["signals"]
y = keras.utils.to_categorical(np.load(sys.argv[1])["gesture"], 8)

a = keras.Input(x.shape[1:])
b = keras.layers.GRU(40, return_sequences=True)(a)
b = keras.layers.GRU(40)(b)
c = keras.layers.Dense(8, activation=None, name="scores")(b)
model = keras.Model(a, c)
model.compile(keras.optimizers.RMSprop(), keras.losses.CategoricalCrossentropy(), metrics=[keras.metrics.CategoricalAccuracy()])
model.fit(x, y, epochs=int(sys.argv[2]), validation_split=0.2)
model.save("gesture.keras")
