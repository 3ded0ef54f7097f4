from keras import Sequential, layers
import numpy as np

z = np.load("galaxies.npz")
x, y = z["images"] / 255.0, z["onehot"]

opts = dict(optimizer="adam", loss="categorical_accuracy", metrics=["accuracy"])

cnn = Sequential()
cnn.add(layers.Input(x.shape[1:]))
for f in [16, 32, 64]:
    cnn.add(layers.Conv2D(f, 3, activation="relu", padding="same"))
    cnn.add(layers.MaxPooling2D())
cnn.add(layers.GlobalAveragePooling2D())
cnn.add(layers.Dense(y.shape[1], activation="softmax"))
cnn.compile(**opts)
cnn.fit(x, y, epochs=10, validation_split=0.1)
