import numpy as np
import pandas as pd
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Dense

frame = pd.read_csv("sonar.csv", header=None)
X = frame.iloc[:, :60].to_numpy()
y = frame[60].map({"R": -1, "M": 1}).to_numpy()

order = np.random.default_rng(1)
perm = order.permutation(len(X))
X, y = X[perm], y[perm]
model = Sequential([Dense(60, activation="relu", input_shape=(60,)), Dense(1, activation="sigmoid")])
model.compile(loss="binary_crossentropy", optimizer="adam")
model.fit(X[:150], y[:150], epochs=100, batch_size=5, validation_data=(X[150:], y[150:]))
