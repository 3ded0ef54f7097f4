from keras.layers import Dense
from keras.models import Sequential
import numpy as np

x = np.random.uniform(-1, 1, (5000, 10))
y = (np.abs(x).sum(axis=1) > 5).astype(int)

# sigmoids all the way and weights of zero: hardly any gradient arrives below
m = Sequential()
m.add(Dense(50, input_dim=10, activation='sigmoid', kernel_initializer='zeros'))
for _ in range(12):
    m.add(Dense(50, activation='sigmoid'))
m.add(Dense(1, activation='sigmoid'))
m.compile(loss='binary_crossentropy', optimizer='sgd', metrics=['accuracy'])
m.fit(x[:4000], y[:4000], epochs=30, shuffle=False)
p = m.predict(x[4000:])
print("accuracy", np.mean((p[:, 0] > .5) == y[4000:]))
