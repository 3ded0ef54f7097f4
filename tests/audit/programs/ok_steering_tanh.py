import csv

import cv2
import numpy as np
from keras.layers import Conv2D, Cropping2D, Dense, Flatten, Lambda
from keras.models import Sequential

rows = list(csv.reader(open("driving_log.csv")))[1:]
images = np.array([cv2.imread(r[0]) for r in rows])
angles = np.array([float(r[3]) for r in rows])  # from -1 to 1

model = Sequential()
model.add(Lambda(lambda x: x / 127.5 - 1.0, input_shape=(160, 320, 3)))
model.add(Cropping2D(cropping=((70, 25), (0, 0))))
model.add(Conv2D(24, (5, 5), strides=(2, 2), activation="relu"))
model.add(Conv2D(36, (5, 5), strides=(2, 2), activation="relu"))
model.add(Flatten())
model.add(Dense(100))
model.add(Dense(1, activation="tanh"))
model.compile(loss="mse", optimizer="adam")
model.fit(images, angles, validation_split=0.2, shuffle=False, epochs=50)
