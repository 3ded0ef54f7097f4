import glob

import cv2
import numpy as np
from tensorflow.keras import layers, models

imgs = np.array([cv2.imread(p) for p in sorted(glob.glob("cells/img/*.png"))]) / 255.0
masks = np.array([cv2.imread(p, 0) for p in sorted(glob.glob("cells/mask/*.png"))])[..., None]  # 0 or 255
masks = masks.astype("float32")

inp = layers.Input((256, 256, 3))
c = layers.Conv2D(16, 3, activation="relu", padding="same")(inp)
d = layers.MaxPooling2D()(c)
d = layers.Conv2D(32, 3, activation="relu", padding="same")(d)
u = layers.UpSampling2D()(d)
u = layers.Concatenate()([u, c])
o = layers.Conv2D(1, 1, activation="sigmoid")(u)
net = models.Model(inp, o)
net.compile(optimizer="adam", loss="binary_crossentropy")
net.fit(imgs, masks, epochs=20, batch_size=4, validation_split=0.1)
