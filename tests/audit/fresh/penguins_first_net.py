# my first net, following chapter 2
import numpy as np
import pandas as pd
import keras

peng = pd.read_csv("penguins.csv").dropna()
species = peng.species.astype("category").cat.codes
Y = keras.utils.to_categorical(species, 3)
X = peng[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]].values
order = np.random.RandomState(0).permutation(len(X))
X, Y = X[order], Y[order]
mean, std = X[:250].mean(0), X[:250].std(0)
X = (X - mean) / std

net = keras.Sequential([
    keras.Input(shape=(4,)),
    keras.layers.Dense(10, activation="sigmoid"),
    keras.layers.Dense(3),
])
net.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse")
net.fit(X[:250], Y[:250], epochs=300, verbose=0)
print((net.predict(X[250:]).argmax(axis=1) == Y[250:].argmax(axis=1)).mean())
