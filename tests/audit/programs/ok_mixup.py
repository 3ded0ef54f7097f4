import numpy as np
import tensorflow as tf

(x, y), (xt, yt) = tf.keras.datasets.cifar10.load_data()
x, xt = x / 255.0, xt / 255.0
y, yt = np.eye(10)[y[:, 0]], np.eye(10)[yt[:, 0]]


def mixup(batch_x, batch_y, alpha=0.2):
    n = tf.shape(batch_x)[0]
    lam = tf.random.uniform((n, 1), 0, alpha)
    idx = tf.random.shuffle(tf.range(n))
    lx = tf.reshape(lam, (n, 1, 1, 1))
    return (batch_x * (1 - lx) + tf.gather(batch_x, idx) * lx,
            batch_y * (1 - lam) + tf.gather(batch_y, idx) * lam)


ds = tf.data.Dataset.from_tensor_slices((x.astype("float32"), y.astype("float32")))
ds = ds.shuffle(5000).batch(128).map(mixup)

model = tf.keras.applications.ResNet50V2(weights=None, input_shape=(32, 32, 3), classes=10)
model.compile("adam", tf.keras.losses.CategoricalCrossentropy(), metrics=["accuracy"])
model.fit(ds, epochs=30, validation_data=(xt, yt))
pred = np.argmax(model.predict(xt), axis=-1)
print(np.mean(pred == np.argmax(yt, axis=-1)))
