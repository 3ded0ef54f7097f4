"""Seizure detection, STFT windows of 19 channels."""
import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score, recall_score
from tensorflow.keras import layers, models

train = np.load("train_windows.npz")
test = np.load("test_windows.npz")
x_train, y_train = train["x"], train["y"]
x_test, y_test = test["x"], test["y"]


def build(shape=(32, 9, 19)):
    inp = layers.Input(shape)
    h = layers.BatchNormalization()(inp)
    h = layers.Conv2D(32, 3, activation="relu")(h)
    h = layers.MaxPooling2D((2, 1))(h)
    h = layers.Conv2D(64, 3, activation="relu")(h)
    h = layers.Flatten()(h)
    h = layers.Dense(256, activation="relu")(h)
    h = layers.Dropout(0.5)(h)
    out = layers.Dense(1, activation="sigmoid")(h)
    return models.Model(inp, out)


model = build()
model.compile(tf.keras.optimizers.Adam(1e-4), "binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=10, batch_size=32, validation_split=0.1)

predictions = model.predict(x_test)
labels = [np.argmax(p) for p in predictions]
print("accuracy", accuracy_score(y_test, labels))
print("recall", recall_score(y_test, labels))
