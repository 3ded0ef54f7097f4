from keras.layers import Conv1D, Dense, GlobalMaxPooling1D
from keras.models import Sequential
import numpy as np

COMPILE = dict(optimizer='rmsprop', loss='accuracy', metrics=['accuracy'])
sig = np.load('vibration.npy')
broken = np.load('broken.npy')

model = Sequential()
model.add(Conv1D(12, 9, activation='relu', input_shape=sig.shape[1:]))
model.add(GlobalMaxPooling1D())
model.add(Dense(1, activation='sigmoid'))
model.compile(**COMPILE)
model.fit(sig, broken, validation_split=.2, epochs=20)
flag = model.predict(sig).ravel() > .5
print(flag.sum())
