import argparse

import numpy as np
from keras.layers import LSTM, Dense
from keras.models import Sequential
from keras.optimizers import Adam

ap = argparse.ArgumentParser()
ap.add_argument('--lookback', type=int, default=12)
ap.add_argument('--lr', type=float, default=0.9)
ap.add_argument('--epochs', type=int, default=1000)
opt = ap.parse_args()

delay = np.loadtxt('line42.csv', delimiter=',', skiprows=1)[:, 1]
cut = int(len(delay) * .8)
mu, sd = delay[:cut].mean(), delay[:cut].std()
z = (delay - mu) / sd
X = np.stack([z[i:i + opt.lookback] for i in range(len(z) - opt.lookback)])[..., None]
y = z[opt.lookback:]
k = cut - opt.lookback

m = Sequential()
m.add(LSTM(200, return_sequences=True, input_shape=(opt.lookback, 1)))
m.add(LSTM(200))
m.add(Dense(1))
m.compile(Adam(opt.lr), loss='mae')
m.fit(X[:k], y[:k], epochs=opt.epochs, shuffle=False, verbose=0)
p = m.predict(X[k:])[:, 0]
print('MAE in minutes', np.abs(p - y[k:]).mean() * sd)
print('late buses seen', np.mean((p * sd + mu > 5) == (y[k:] * sd + mu > 5)))
