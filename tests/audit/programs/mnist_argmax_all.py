import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

(a, b), (c, d) = tf.keras.datasets.mnist.load_data()
a = a.reshape(60000, 784).astype("float32") / 255
c = c.reshape(10000, 784).astype("float32") / 255

inputs = tf.keras.Input(shape=(784,), name="digits")
x = layers.Dense(64, activation="relu")(inputs)
x = layers.Dense(64, activation="relu")(x)
outputs = layers.Dense(10, activation="softmax", name="predictions")(x)
model = tf.keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
model.fit(a, b, batch_size=64, epochs=2)

probs = model.predict(c)
classes = np.argmax(probs)
print("right:", np.mean(classes == d))
