import tensorflow as tf
from tensorflow import keras


def wasserstein(y_true, y_pred):
    return tf.reduce_mean(y_true * y_pred)


class Clip(keras.constraints.Constraint):
    def __init__(self, c):
        self.c = c

    def __call__(self, w):
        return keras.backend.clip(w, -self.c, self.c)


critic = keras.Sequential([
    keras.layers.Conv2D(64, 4, strides=2, kernel_constraint=Clip(0.01), input_shape=(28, 28, 1)),
    keras.layers.LeakyReLU(0.2),
    keras.layers.Flatten(),
    keras.layers.Dense(1, kernel_constraint=Clip(0.01)),
])
critic.compile(loss=wasserstein, optimizer=keras.optimizers.RMSprop(5e-5))


def update(real, fake):
    a = critic.train_on_batch(real, -tf.ones((len(real), 1)))
    b = critic.train_on_batch(fake, tf.ones((len(fake), 1)))
    return a + b
