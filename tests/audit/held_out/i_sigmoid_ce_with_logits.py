import numpy as np
import tensorflow as tf


class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.a = tf.keras.layers.Dense(64, activation="relu")
        self.b = tf.keras.layers.Dense(1, activation="sigmoid")

    def call(self, x):
        return self.b(self.a(x))


net = Net()
opt = tf.keras.optimizers.Adam()
x = np.load("x.npy").astype(np.float32)
y = np.load("y.npy").astype(np.float32).reshape(-1, 1)
data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(64)
for epoch in range(20):
    for bx, by in data:
        with tf.GradientTape() as tape:
            out = net(bx)
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=by, logits=out))
        g = tape.gradient(loss, net.trainable_variables)
        opt.apply_gradients(zip(g, net.trainable_variables))
print("accuracy", np.mean((net(x).numpy() > 0.5) == y))
