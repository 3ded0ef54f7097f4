"""Retinal vessels, DRIVE style. Small U-Net."""
import glob

import cv2
import numpy as np
from tensorflow.keras import Input, Model
from tensorflow.keras.layers import Conv2D, Conv2DTranspose, MaxPooling2D, concatenate


def read(pattern):
    return np.stack([cv2.resize(cv2.imread(f, cv2.IMREAD_GRAYSCALE), (256, 256)) for f in sorted(glob.glob(pattern))])[..., None]


def block(t, f):
    t = Conv2D(f, 3, padding="same", activation="relu")(t)
    return Conv2D(f, 3, padding="same", activation="relu")(t)


def unet(side=256):
    inp = Input((side, side, 1))
    d1 = block(inp, 16)
    d2 = block(MaxPooling2D()(d1), 32)
    mid = block(MaxPooling2D()(d2), 64)
    u2 = block(concatenate([Conv2DTranspose(32, 2, strides=2)(mid), d2]), 32)
    u1 = block(concatenate([Conv2DTranspose(16, 2, strides=2)(u2), d1]), 16)
    mask = Conv2D(1, (1, 1), activation="softmax")(u1)
    return Model(inp, mask)


fundus = read("drive/images/*.png") / 255.0
vessel = np.where(read("drive/manual/*.png") > 127, 255, 0)

net = unet()
net.compile(optimizer="adam", loss="binary_crossentropy")
net.fit(fundus, vessel, batch_size=4, epochs=60, validation_split=0.2)
