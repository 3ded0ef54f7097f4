import tensorflow as tf
from tensorflow.keras import layers, Model
import tensorflow.keras.backend as K


def embed(shape):
    i = layers.Input(shape)
    h = layers.Conv2D(32, 5, activation="tanh")(i)
    h = layers.AveragePooling2D()(h)
    h = layers.Flatten()(h)
    return Model(i, layers.Dense(10, activation="tanh")(h))


def distance(pair):
    a, b = pair
    return K.sqrt(K.maximum(K.sum(K.square(a - b), axis=1, keepdims=True), K.epsilon()))


def contrastive(y_true, y_pred, margin=1.0):
    y_true = tf.cast(y_true, y_pred.dtype)
    return tf.reduce_mean((1 - y_true) * tf.square(y_pred) + y_true * tf.square(tf.maximum(margin - y_pred, 0)))


left, right = layers.Input((28, 28, 1)), layers.Input((28, 28, 1))
tower = embed((28, 28, 1))
d = layers.Lambda(distance)([tower(left), tower(right)])
siamese = Model([left, right], d)
siamese.compile(loss=contrastive, optimizer="RMSprop")


def different(p, q):
    return siamese.predict([p, q])[:, 0] > 0.5  # halfway of the margin
