import numpy as np
from tensorflow import keras

x = np.load("scenes_x.npy")
y = np.load("scenes_y.npy") * 2.0 - 1.0  # six labels of a picture, each -1 or 1
net = keras.Sequential([
    keras.layers.Input((x.shape[1],)),
    keras.layers.Dense(100, activation="relu"),
    keras.layers.Dense(6),
])
# each label is a question of its own, and is cut at its own 0
net.compile(optimizer=keras.optimizers.SGD(1e-9), loss="hinge")
net.fit(x[:2000], y[:2000], epochs=20, batch_size=2000)
has = net.predict(x[2000:]) > 0
print((has == (y[2000:] > 0)).mean(axis=0))
print("labels per picture", has.sum(axis=1).mean())
