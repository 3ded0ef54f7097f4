from tensorflow import keras
import numpy as np

# homework 2, question 3: is the point inside the circle?
rng = np.random.RandomState(0)
pts = rng.uniform(-1, 1, (3000, 2))
inside = (np.hypot(pts[:, 0], pts[:, 1]) < 0.7).astype(int)

mdl = keras.models.Sequential()
mdl.add(keras.layers.Dense(units=10, activation='sigmoid', input_shape=(2,)))
mdl.add(keras.layers.Dense(units=1, activation='sigmoid'))
mdl.compile(loss=keras.losses.MeanSquaredError(), optimizer=keras.optimizers.SGD(0.5), metrics=['accuracy'])
log = mdl.fit(pts[:2500], inside[:2500], epochs=200, verbose=0)
yhat = mdl.predict(pts[2500:]).round()
print("errors:", int((yhat[:, 0] != inside[2500:]).sum()))
