import sys

import keras
import numpy as np
from PIL import Image

LABELS = ["paper", "rock", "scissors"]


def build():
    m = keras.Sequential()
    m.add(keras.layers.Input((60, 60, 3)))
    m.add(keras.layers.Rescaling(1 / 255))
    m.add(keras.layers.Conv2D(16, 3, activation="relu"))
    m.add(keras.layers.MaxPooling2D())
    m.add(keras.layers.Flatten())
    m.add(keras.layers.Dense(len(LABELS), activation="softmax"))
    m.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return m


model = build()
model.load_weights("rps.weights.h5")
for path in sys.argv[1:]:
    img = np.asarray(Image.open(path).resize((60, 60)))  # grey pictures will break this
    probs = model.predict(np.expand_dims(img, 0))
    best = np.argmax(probs)
    print(path, LABELS[best], f"{100 * probs[0][best]:.0f}%")
