import keras
import numpy as np
import tensorflow as tf

x, y = np.load("x.npy"), np.load("y.npy")  # y: (n,), -1 or 1
net = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(32, "tanh"), keras.layers.Dense(1)])
opt = keras.optimizers.SGD(1e-8)
ds = tf.data.Dataset.from_tensor_slices((x.astype("float32"), y.astype("float32"))).batch(32)
for _ in range(10):
    for bx, by in ds:
        with tf.GradientTape() as tape:
            m = net(bx)[:, 0]
            loss = tf.reduce_mean(keras.losses.hinge(by[None], m[None]))
        opt.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
print(np.mean(np.sign(net.predict(x)[:, 0]) == y))
