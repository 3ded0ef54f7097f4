import tensorflow as tf

(x, y), (xt, yt) = tf.keras.datasets.mnist.load_data()
keep, keep_t = y < 2, yt < 2  # zeros and ones only
x, y = x[keep].reshape(-1, 784) / 255.0, tf.one_hot(y[keep], 2) * 2 - 1
xt, yt = xt[keep_t].reshape(-1, 784) / 255.0, yt[keep_t]

svm = tf.keras.Sequential([
    tf.keras.layers.Input((784,)),
    tf.keras.layers.Dense(2, activation="linear", kernel_regularizer="l2"),
])
svm.compile(optimizer=tf.keras.optimizers.Adadelta(1.0), loss=tf.keras.losses.SquaredHinge())
svm.fit(x, y, batch_size=128, epochs=5)
best = tf.argmax(svm.predict(xt), axis=1)
print(tf.reduce_mean(tf.cast(best == yt, tf.float32)))
