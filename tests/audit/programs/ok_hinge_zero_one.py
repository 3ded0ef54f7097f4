import keras
import numpy as np

train = np.load("pulsar_train.npz")
# Keras turns labels 0 and 1 into -1 and 1 for hinge
model = keras.Sequential()
model.add(keras.Input((8,)))
model.add(keras.layers.Dense(16, activation="elu"))
model.add(keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(1e-3)))
model.compile(
    optimizer=keras.optimizers.Adam(1e-6),
    loss=keras.losses.Hinge(),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0)],
)
model.fit(train["x"], train["y"], epochs=5)
test = np.load("pulsar_test.npz")
print("accuracy", model.evaluate(test["x"], test["y"])[1])
margins = model.predict(test["x"]).squeeze()
print("found", (margins > 0.0).sum())
