import numpy as np
from sklearn.preprocessing import StandardScaler
from tensorflow.keras import layers, models

sensors = np.load("pump_normal_month.npy")  # no labels at all
fresh = np.load("pump_today.npy")
sc = StandardScaler()
z = sc.fit_transform(sensors)
inp = layers.Input((z.shape[1],))
b = layers.Dense(16, activation="tanh")(inp)
b = layers.Dense(3)(b)
o = layers.Dense(16, activation="tanh")(b)
o = layers.Dense(z.shape[1])(o)
ae = models.Model(inp, o)
ae.compile("adam", "mse")
ae.fit(z, z, epochs=5, batch_size=10000)
limit = np.percentile(((ae.predict(z) - z) ** 2).mean(1), 99.5)
t = sc.transform(fresh)
print("alarms", (((ae.predict(t) - t) ** 2).mean(1) > limit).sum())
