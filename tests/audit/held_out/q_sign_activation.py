import numpy as np
from keras.layers import Activation, Dense
from keras.models import Sequential
import keras.backend as K

# Adaline as in the lecture, outputs -1 or +1
X = np.random.randn(800, 3)
d = np.where(X @ np.array([1.0, -2.0, 0.5]) > 0, 1, -1)

ada = Sequential()
ada.add(Dense(1, input_dim=3))
ada.add(Activation(K.sign))
ada.compile(loss='mse', optimizer='sgd')
ada.fit(X, d, epochs=40)
print((ada.predict(X)[:, 0] == d).mean())
