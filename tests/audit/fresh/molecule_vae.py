import keras
import tensorflow as tf
from keras import layers


class Sampling(layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        return mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))


class SmilesVAE(keras.Model):
    def __init__(self, vocab=35, length=120, latent=56):
        super().__init__()
        i = keras.Input((length, vocab))
        h = layers.Conv1D(9, 9, activation="relu")(i)
        h = layers.Dense(196, activation="relu")(layers.Flatten()(h))
        mean, log_var = layers.Dense(latent)(h), layers.Dense(latent)(h)
        self.encoder = keras.Model(i, [mean, log_var, Sampling()([mean, log_var])])
        z = keras.Input((latent,))
        g = layers.GRU(256, return_sequences=True)(layers.RepeatVector(length)(z))
        self.decoder = keras.Model(z, layers.TimeDistributed(layers.Dense(vocab, activation="softmax"))(g))
        self.total = keras.metrics.Mean("loss")

    @property
    def metrics(self):
        return [self.total]

    def train_step(self, x):
        with tf.GradientTape() as tape:
            mean, log_var, z = self.encoder(x)
            nll = tf.reduce_sum(keras.losses.categorical_crossentropy(x, self.decoder(z)), axis=1)
            kl = -0.5 * tf.reduce_sum(1 + log_var - mean**2 - tf.exp(log_var), axis=1)
            loss = tf.reduce_mean(nll + kl)
        grads = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        self.total.update_state(loss)
        return {"loss": self.total.result()}


vae = SmilesVAE()
vae.compile(optimizer=keras.optimizers.Adam(1e-3))
ds = tf.data.Dataset.load("zinc_onehot").batch(256)
vae.fit(ds, epochs=20)
