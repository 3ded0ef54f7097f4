import keras, pandas as pd
from keras.layers import Dense

v = pd.read_feather("visits.feather").sort_values("day")
y = v.pop("visits").values
X = v.drop(columns="day").values.astype("float32")
past = slice(0, 2000)
rest = slice(2000, None)

norm = keras.layers.Normalization()
norm.adapt(X[past])
m = keras.Sequential([norm, Dense(32, "relu"), Dense(1, "exponential")])
m.compile("rmsprop", "poisson", metrics=["mean_absolute_error"])
m.fit(X[past], y[past], epochs=100)
expected = m.predict(X[rest]).ravel()
print("days over 90 visits:", (expected > 90).sum())
