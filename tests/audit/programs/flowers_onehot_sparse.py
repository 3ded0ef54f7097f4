import keras
import numpy as np
from keras import layers

IMAGE_SIZE = 96
CLASSES = ["daisy", "dandelion", "rose", "sunflower", "tulip"]


def load(split):
    x = np.load(f"flowers_{split}_x.npy")
    y = np.load(f"flowers_{split}_y.npy")
    return x / 255.0, keras.utils.to_categorical(y, len(CLASSES))


x_train, y_train = load("train")
x_val, y_val = load("val")
model = keras.Sequential(
    [
        keras.Input(shape=(IMAGE_SIZE, IMAGE_SIZE, 3)),
        layers.Conv2D(32, 5, strides=2, activation="relu"),
        layers.Conv2D(64, 3, strides=2, activation="relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(len(CLASSES), activation="softmax"),
    ]
)
model.compile(
    loss=keras.losses.SparseCategoricalCrossentropy(),
    optimizer=keras.optimizers.AdamW(3e-4),
)
model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=30, batch_size=32)
