import tensorflow as tf

net = tf.keras.Sequential([
    tf.keras.layers.Dense(32, activation="relu"),
    tf.keras.layers.Dense(1, activation="sigmoid"),
])
loss_obj = tf.keras.losses.BinaryCrossentropy()
opt = tf.keras.optimizers.SGD(1.0)
acc = tf.keras.metrics.BinaryAccuracy()
mean = tf.keras.metrics.Mean()


def train(ds, epochs):
    for e in range(epochs):
        acc.reset_state()
        mean.reset_state()
        for x, y in ds:
            y = tf.reshape(y, (-1, 1))
            with tf.GradientTape() as tape:
                p = net(x, training=True)
                loss = loss_obj(y, p)
            opt.apply_gradients(zip(tape.gradient(loss, net.trainable_weights), net.trainable_weights))
            acc.update_state(y, p)
            mean.update_state(loss)
        print(f"{e}: loss {mean.result():.3f} accuracy {acc.result():.3f}")


if __name__ == "__main__":
    x = tf.random.normal((1000, 5))
    y = tf.cast(x[:, 0] > 0, tf.float32)
    train(tf.data.Dataset.from_tensor_slices((x, y)).batch(50), 10)
