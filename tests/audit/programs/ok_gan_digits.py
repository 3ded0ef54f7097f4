import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

LATENT = 100


def make_generator():
    return tf.keras.Sequential([
        layers.Input((LATENT,)),
        layers.Dense(7 * 7 * 64),
        layers.BatchNormalization(),
        layers.LeakyReLU(),
        layers.Reshape((7, 7, 64)),
        layers.Conv2DTranspose(32, 5, strides=2, padding="same"),
        layers.LeakyReLU(),
        layers.Conv2DTranspose(1, 5, strides=2, padding="same", activation="tanh"),
    ])


def make_critic():
    return tf.keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(64, 5, strides=2, padding="same"),
        layers.LeakyReLU(),
        layers.Flatten(),
        layers.Dense(1),
    ])


bce = tf.keras.losses.BinaryCrossentropy(from_logits=True)
gen, dis = make_generator(), make_critic()
g_opt, d_opt = tf.keras.optimizers.Adam(1e-4), tf.keras.optimizers.Adam(1e-4)


@tf.function
def step(real):
    noise = tf.random.normal([tf.shape(real)[0], LATENT])
    with tf.GradientTape() as gt, tf.GradientTape() as dt:
        fake = gen(noise, training=True)
        r, f = dis(real, training=True), dis(fake, training=True)
        g_loss = bce(tf.ones_like(f), f)
        d_loss = bce(tf.ones_like(r), r) + bce(tf.zeros_like(f), f)
    g_opt.apply_gradients(zip(gt.gradient(g_loss, gen.trainable_variables), gen.trainable_variables))
    d_opt.apply_gradients(zip(dt.gradient(d_loss, dis.trainable_variables), dis.trainable_variables))


(images, _), _ = tf.keras.datasets.mnist.load_data()
images = (images[..., np.newaxis].astype("float32") - 127.5) / 127.5
for epoch in range(50):
    for batch in tf.data.Dataset.from_tensor_slices(images).shuffle(60000).batch(256):
        step(batch)
