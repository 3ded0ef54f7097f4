import tensorflow as tf
from tensorflow.keras.layers import Dense, Flatten, Input, Softmax
from tensorflow.keras.models import Model

(xa, ya), (xb, yb) = tf.keras.datasets.mnist.load_data()
xa = xa.astype("float32")[..., None] / 255
xb = xb.astype("float32")[..., None] / 255

inp = Input(shape=(28, 28, 1))
h = Flatten()(inp)
h = Dense(100, activation="relu")(h)
scores = Dense(10, activation="relu")(h)
out = Softmax()(scores)
model = Model(inp, out)
model.compile("adam", "sparse_categorical_crossentropy", ["sparse_categorical_accuracy"])
model.fit(xa, ya, batch_size=256, epochs=4)
print(model.evaluate(xb, yb))
