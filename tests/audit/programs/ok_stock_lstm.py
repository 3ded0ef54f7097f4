import numpy as np
import pandas as pd
from sklearn.preprocessing import MinMaxScaler
from tensorflow.keras.layers import LSTM, Dense, Dropout
from tensorflow.keras.models import Sequential

LOOK = 60
close = pd.read_csv("AAPL.csv")["Close"].to_numpy().reshape(-1, 1)
cut = int(len(close) * 0.8)
scaler = MinMaxScaler()
train = scaler.fit_transform(close[:cut])
test = scaler.transform(close[cut - LOOK:])


def windows(s):
    x = np.array([s[i - LOOK:i, 0] for i in range(LOOK, len(s))])
    return x[..., None], s[LOOK:, 0]


x_train, y_train = windows(train)
x_test, y_test = windows(test)
net = Sequential()
net.add(LSTM(50, return_sequences=True, input_shape=(LOOK, 1)))
net.add(Dropout(0.2))
net.add(LSTM(50))
net.add(Dense(1))
net.compile(optimizer="adam", loss="mean_squared_error")
net.fit(x_train, y_train, epochs=1, batch_size=1)
price = scaler.inverse_transform(net.predict(x_test))
print("rmse", np.sqrt(np.mean((price[:, 0] - close[cut:, 0]) ** 2)))
