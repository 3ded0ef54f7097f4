from functools import partial

import keras
import numpy as np

Hidden = partial(keras.layers.Dense, activation="selu", kernel_initializer="lecun_normal")
Out = partial(keras.layers.Dense, activation="softmax")

n_inputs = 12
model = keras.Sequential([keras.Input((n_inputs,)), Hidden(50), Hidden(50), Out(1)])
model.compile(
    loss=keras.losses.binary_crossentropy,
    optimizer=keras.optimizers.SGD(learning_rate=0.02, momentum=0.9),
    metrics=["accuracy"],
)
xs = np.random.normal(size=(500, n_inputs))
ys = (xs[:, 3] > 0).astype(np.float32)
model.fit(xs, ys, epochs=8)
