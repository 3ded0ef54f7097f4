import keras
import pandas as pd
from keras import layers

bikes = pd.read_csv("hour.csv")
train, test = bikes[bikes.yr == 0], bikes[bikes.yr == 1]
cols = ["season", "hr", "holiday", "weekday", "weathersit", "temp", "hum", "windspeed"]

norm = layers.Normalization()
norm.adapt(train[cols].to_numpy("float32"))
model = keras.Sequential([
    keras.Input((len(cols),)),
    norm,
    layers.Dense(64, activation="relu"),
    layers.Dense(64, activation="relu"),
    layers.Dense(1, activation="exponential"),
])
model.compile(optimizer=keras.optimizers.RMSprop(1e-3), loss="poisson", metrics=["mae"])
model.fit(train[cols], train["cnt"], epochs=40, verbose=0)
print(model.evaluate(test[cols], test["cnt"]))
