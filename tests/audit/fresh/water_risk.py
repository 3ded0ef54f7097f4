import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tensorflow import keras

wells = pd.read_csv("wells.csv")
y = wells["risk"].map({"low": 0, "medium": 1, "high": 2}).to_numpy()
X = wells.drop(columns=["risk", "remarks"]).to_numpy(dtype="float32")
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, random_state=0)

net = keras.models.Sequential()
net.add(keras.layers.Input(shape=(X.shape[1],)))
net.add(keras.layers.Normalization())
net.layers[0].adapt(X_tr)
for width in (32, 32, 16):
    net.add(keras.layers.Dense(width, activation="elu"))
net.add(keras.layers.Dense(2, activation="softmax"))
net.compile(loss="sparse_categorical_crossentropy", optimizer="nadam", metrics=["accuracy"])
net.fit(X_tr, y_tr, epochs=80, verbose=2)

guess = np.argmax(net.predict(X_te))
print("share right:", np.mean(guess == y_te))
