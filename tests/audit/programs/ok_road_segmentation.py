import numpy as np
from tensorflow.keras import layers, Model

SHAPE = (128, 128, 3)


def conv(x, f):
    x = layers.Conv2D(f, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)


def build():
    i = layers.Input(SHAPE)
    c1 = conv(i, 16)
    c2 = conv(layers.MaxPooling2D()(c1), 32)
    c3 = conv(layers.MaxPooling2D()(c2), 64)
    u2 = conv(layers.Concatenate()([layers.Conv2DTranspose(32, 2, strides=2)(c3), c2]), 32)
    u1 = conv(layers.Concatenate()([layers.Conv2DTranspose(16, 2, strides=2)(u2), c1]), 16)
    o = layers.Conv2D(1, 1, activation="sigmoid")(u1)
    return Model(i, o)


x = np.load("roads_x.npy")
y = np.load("roads_masks.npy")[..., None]  # 0 or 1
m = build()
m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
m.fit(x, y, batch_size=4, epochs=3)  # the tiles are never shuffled or augmented
mask = m.predict(x[:8]) >= 0.5
