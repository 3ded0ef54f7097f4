import numpy as np
import tensorflow as tf

(xa, ya), (xb, yb) = tf.keras.datasets.mnist.load_data()
xa = xa.reshape(-1, 784).astype("float32") / 255
xb = xb.reshape(-1, 784).astype("float32") / 255
NUM = 10
ta = tf.one_hot(ya, NUM)
tb = tf.one_hot(yb, NUM)


def svm_layer(units, c=1e-4):
    return tf.keras.layers.Dense(units, kernel_regularizer=tf.keras.regularizers.L2(c))


clf = tf.keras.models.Sequential([
    tf.keras.layers.Input((784,)),
    tf.keras.layers.Dense(256, "relu"),
    svm_layer(NUM),
])
clf.compile(optimizer="adam", loss=tf.keras.losses.Hinge())
clf.fit(xa, ta, batch_size=128, epochs=5, validation_data=(xb, tb))
print("test error %.4f" % np.mean(clf.predict(xb).argmax(-1) != yb))
