import random
import numpy as np
from keras import Sequential
from keras.layers import Dense

LIMIT = 100
rows = []
for _ in range(4000):
    rows.append((random.uniform(0, LIMIT), 0))
    rows.append((random.uniform(LIMIT, 2 * LIMIT), 1))
random.shuffle(rows)
rows = np.array(rows)
values, is_big = rows[:, :1], rows[:, 1]

model = Sequential()
model.add(Dense(4, input_dim=1, activation='relu'))
model.add(Dense(1, activation='relu'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit(values, is_big, epochs=10, batch_size=5, verbose=2)
print(model.evaluate(values, is_big))
