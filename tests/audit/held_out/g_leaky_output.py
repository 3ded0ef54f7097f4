from keras.models import Sequential
from keras.layers import Dense, LeakyReLU, Flatten, Conv1D
import numpy as np

beats = np.loadtxt('ecg.csv', delimiter=',')
np.random.shuffle(beats)
X = beats[:, :-1].reshape(-1, 187, 1)
t = (beats[:, -1] > 0).astype('float32')

model = Sequential()
model.add(Conv1D(8, 5, input_shape=(187, 1)))
model.add(LeakyReLU(0.1))
model.add(Flatten())
model.add(Dense(1))
model.add(LeakyReLU(0.1))
model.compile(optimizer='adam', loss='binary_crossentropy')
model.fit(X, t, epochs=7, validation_split=0.25)
