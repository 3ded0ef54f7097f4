import os

import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow.keras import Model, layers

ORIGINS = 5


def read_folder(folder):
    faces, age, woman, origin = [], [], [], []
    for name in os.listdir(folder):
        a, g, o = name.split("_")[:3]
        faces.append(np.asarray(Image.open(os.path.join(folder, name)).resize((96, 96))))
        age.append(float(a)); woman.append(int(g)); origin.append(int(o))
    return np.stack(faces) / 255.0, np.array(age), np.array(woman), np.array(origin)


X, age, woman, origin = read_folder("UTKFace")
inp = layers.Input(X.shape[1:])
f = inp
for n in (32, 64, 128):
    f = layers.MaxPool2D()(layers.Conv2D(n, 3, activation="relu")(f))
f = layers.Flatten()(f)
heads = [
    layers.Dense(1, activation="relu", name="age")(layers.Dense(64, activation="relu")(f)),
    layers.Dense(1, activation="sigmoid", name="woman")(layers.Dense(64, activation="relu")(f)),
    layers.Dense(ORIGINS, activation="softmax", name="origin")(layers.Dense(64, activation="relu")(f)),
]
model = Model(inp, heads)
model.compile(
    "adam",
    loss=["mae", "binary_crossentropy", "sparse_categorical_crossentropy"],
    metrics=[["mse"], ["accuracy", tf.keras.metrics.AUC()], ["accuracy"]],
    loss_weights=[0.05, 1, 1],
)
model.fit(X, [age, woman, origin], epochs=15, validation_split=0.1)
years, p, columns = model.predict(X[:8])
for row in zip(years[:, 0].round(), p[:, 0] > 0.5, columns.argmax(1)):
    print(row)
