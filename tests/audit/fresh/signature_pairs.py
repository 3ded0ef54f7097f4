"""Are two signatures by one hand? Siamese network, contrastive loss (Hadsell 2006)."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Conv2D, Dense, Flatten, Input, Lambda, MaxPooling2D
from tensorflow.keras.models import Model, Sequential


def euclidean(vects):
    a, b = vects
    return K.sqrt(K.maximum(K.sum(K.square(a - b), axis=1, keepdims=True), K.epsilon()))


def contrastive(y_true, d):
    y_true = tf.cast(y_true, d.dtype)
    margin = 1.0
    return K.mean(y_true * K.square(d) + (1 - y_true) * K.square(K.maximum(margin - d, 0)))


def same(y_true, d):
    return K.mean(K.equal(y_true, K.cast(d < 0.5, y_true.dtype)))


tower = Sequential([
    Conv2D(32, 7, activation="relu", input_shape=(110, 220, 1)), MaxPooling2D(),
    Conv2D(64, 5, activation="relu"), MaxPooling2D(), Flatten(), Dense(128, activation="relu"),
])
left, right = Input((110, 220, 1)), Input((110, 220, 1))
distance = Lambda(euclidean)([tower(left), tower(right)])
net = Model([left, right], distance)
net.compile(loss=contrastive, optimizer="rmsprop", metrics=[same])

z = np.load("signatures_pairs.npz")
net.fit([z["a"], z["b"]], z["same"].astype("float32")[:, None], epochs=20, batch_size=64)
forged = net.predict([z["a_test"], z["b_test"]]).ravel() > 0.5
print("forged:", forged.sum(), "of", len(forged))
