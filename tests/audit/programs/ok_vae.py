import keras
import tensorflow as tf
from keras import layers


class Sampling(layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        return mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))


class VAE(keras.Model):
    def __init__(self, dim=2):
        super().__init__()
        self.body = keras.Sequential([layers.Flatten(), layers.Dense(256, activation="relu")])
        self.mean, self.log_var = layers.Dense(dim), layers.Dense(dim)
        self.sample = Sampling()
        self.back = keras.Sequential([
            layers.Dense(256, activation="relu"),
            layers.Dense(784, activation="sigmoid"),
            layers.Reshape((28, 28, 1)),
        ])

    def call(self, x):
        h = self.body(x)
        m, v = self.mean(h), self.log_var(h)
        kl = -0.5 * tf.reduce_mean(tf.reduce_sum(1 + v - tf.square(m) - tf.exp(v), axis=1))
        self.add_loss(1e-3 * kl)
        return self.back(self.sample([m, v]))


vae = VAE()
vae.compile(optimizer=keras.optimizers.Adam(), loss="binary_crossentropy")
(x, _), _ = keras.datasets.mnist.load_data()
x = x[..., None] / 255.0
vae.fit(x, x, epochs=30, batch_size=128)
