import keras
import numpy as np

raw = np.loadtxt("pima-indians-diabetes.csv", delimiter=",")
rng = np.random.default_rng(5)
rng.shuffle(raw)
split = int(0.8 * len(raw))
X_tr, y_tr, X_te, y_te = raw[:split, :8], raw[:split, 8], raw[split:, :8], raw[split:, 8]

model = keras.Sequential()
model.add(keras.layers.Dense(12, input_shape=(8,), activation="relu"))
model.add(keras.layers.Dense(8, activation="relu"))
model.add(keras.layers.Dense(1, activation="linear"))
bce = keras.losses.BinaryCrossentropy(from_logits=True)
model.compile(loss=bce, optimizer="adam", metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
model.fit(X_tr, y_tr, epochs=150, batch_size=10, verbose=0)

rounded = [round(float(v[0])) for v in model.predict(X_te)]
print(sum(r == t for r, t in zip(rounded, y_te)) / len(y_te))
