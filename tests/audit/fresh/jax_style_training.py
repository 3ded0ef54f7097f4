import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

inputs = keras.Input((16,))
h = keras.layers.Dense(64, activation="mish")(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(h))
opt = keras.optimizers.Lion(1e-2)
loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)


def forward(tv, ntv, x, y):
    logits, ntv = model.stateless_call(tv, ntv, x, training=True)
    return loss_fn(y, logits), ntv


grad = jax.value_and_grad(forward, has_aux=True)


@jax.jit
def step(state, x, y):
    tv, ntv, ov = state
    (loss, ntv), g = grad(tv, ntv, x, y)
    tv, ov = opt.stateless_apply(ov, g, tv)
    return loss, (tv, ntv, ov)


z = np.load("flags.npz")
x, y = z["x"].astype("float32"), z["y"].astype("float32")[:, None]
opt.build(model.trainable_variables)
state = ([v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables], [v.value for v in opt.variables])
for i in range(0, len(x) - 32, 32):
    loss, state = step(state, x[i:i + 32], y[i:i + 32])
for v, new in zip(model.trainable_variables, state[0]):
    v.assign(new)
yes = keras.ops.sigmoid(model.predict(z["x_test"])) > 0.5
print(int(keras.ops.sum(yes)), float(loss))
