# Assignment 4: character model, sample a poem
import random
import sys

import numpy as np
from keras.callbacks import LambdaCallback
from keras.layers import Dense, LSTM, Activation
from keras.models import Sequential
from keras.optimizers import RMSprop

text = open('poems.txt', encoding='utf8').read().lower()
chars = sorted(set(text))
c2i = {c: i for i, c in enumerate(chars)}
maxlen, step = 40, 3
starts = range(0, len(text) - maxlen, step)
x = np.zeros((len(starts), maxlen, len(chars)), dtype=bool)
y = np.zeros((len(starts), len(chars)), dtype=bool)
for i, s in enumerate(starts):
    for t, c in enumerate(text[s:s + maxlen]):
        x[i, t, c2i[c]] = 1
    y[i, c2i[text[s + maxlen]]] = 1

model = Sequential()
model.add(LSTM(128, input_shape=(maxlen, len(chars))))
model.add(Dense(len(chars)))
model.add(Activation('softmax'))
model.compile(loss='categorical_crossentropy', optimizer=RMSprop(lr=0.01))


def draw(p, temperature):
    p = np.exp(np.log(p.astype('float64') + 1e-12) / temperature)
    return np.argmax(np.random.multinomial(1, p / p.sum(), 1))


def verse(epoch, logs):
    s = random.randint(0, len(text) - maxlen - 1)
    window = text[s:s + maxlen]
    for _ in range(200):
        one = np.zeros((1, maxlen, len(chars)))
        for t, c in enumerate(window):
            one[0, t, c2i[c]] = 1
        c = chars[draw(model.predict(one, verbose=0)[0], 0.8)]
        window = window[1:] + c
        sys.stdout.write(c)


model.fit(x, y, batch_size=128, epochs=60, callbacks=[LambdaCallback(on_epoch_end=verse)])
