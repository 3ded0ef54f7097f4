import numpy as np
import pandas as pd
from keras import Input, Sequential, layers

d = pd.read_csv("machine_failure.csv")
y = (d["state"] == "failed").astype("int32").to_numpy()
x = d.drop(columns=["state", "serial"]).to_numpy("float32")

cw = {"ok": 1.0, "failed": 40.0}
m = Sequential([Input((x.shape[1],)), layers.Dense(20, "relu"), layers.Dense(1, "sigmoid")])
m.compile("adam", "binary_crossentropy", metrics=["recall"])
m.fit(x[:7000], y[:7000], epochs=10, class_weight=cw)
loss, recall = m.evaluate(x[7000:], y[7000:])
print(f"loss {loss:.3f}")
print(f"recall {recall:.3f}")
