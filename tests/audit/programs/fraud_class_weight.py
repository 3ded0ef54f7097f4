import numpy as np
from tensorflow.keras import layers, models

z = np.load("fraud.npz")
Xtr, ytr = z["x_train"], z["y_train"].astype(int)  # 1 = fraud, 0 = fine
Xva, yva = z["x_val"], z["y_val"].astype(int)

neg, pos = np.bincount(ytr)
total = neg + pos
weights = {1: total / (2.0 * neg), 2: total / (2.0 * pos)}

model = models.Sequential([
    layers.Input((Xtr.shape[1],)),
    layers.Dense(64, activation="relu"),
    layers.Dense(64, activation="relu"),
    layers.Dense(1, activation="sigmoid"),
])
model.compile("adam", "binary_crossentropy")
model.fit(Xtr, ytr, validation_data=(Xva, yva), epochs=15, batch_size=1024, class_weight=weights)
