# DCGAN on 64x64 faces. Discriminator gives logits, both losses know it.
import tensorflow as tf
from tensorflow.keras import layers

LATENT = 100
bce = tf.keras.losses.BinaryCrossentropy(from_logits=True)


def generator():
    m = tf.keras.Sequential(name="G")
    m.add(layers.Dense(4 * 4 * 512, use_bias=False, input_shape=(LATENT,)))
    m.add(layers.Reshape((4, 4, 512)))
    for f in (256, 128, 64):
        m.add(layers.Conv2DTranspose(f, 5, strides=2, padding="same", use_bias=False))
        m.add(layers.BatchNormalization())
        m.add(layers.ReLU())
    m.add(layers.Conv2DTranspose(3, 5, strides=2, padding="same", activation="tanh"))
    return m


def discriminator():
    m = tf.keras.Sequential(name="D")
    m.add(layers.Input((64, 64, 3)))
    for f in (64, 128, 256):
        m.add(layers.Conv2D(f, 5, strides=2, padding="same"))
        m.add(layers.LeakyReLU(0.2))
        m.add(layers.Dropout(0.3))
    m.add(layers.Flatten())
    m.add(layers.Dense(1))
    return m


G, D = generator(), discriminator()
g_opt, d_opt = tf.keras.optimizers.Adam(2e-4, 0.5), tf.keras.optimizers.Adam(2e-4, 0.5)


@tf.function
def train_step(real):
    z = tf.random.normal((tf.shape(real)[0], LATENT))
    with tf.GradientTape() as gt, tf.GradientTape() as dt:
        fake = G(z, training=True)
        r, f = D(real, training=True), D(fake, training=True)
        g_loss = bce(tf.ones_like(f), f)
        d_loss = bce(0.9 * tf.ones_like(r), r) + bce(tf.zeros_like(f), f)
    g_opt.apply_gradients(zip(gt.gradient(g_loss, G.trainable_variables), G.trainable_variables))
    d_opt.apply_gradients(zip(dt.gradient(d_loss, D.trainable_variables), D.trainable_variables))
    return g_loss, d_loss


faces = tf.keras.utils.image_dataset_from_directory("anime", label_mode=None, image_size=(64, 64), batch_size=128)
faces = faces.map(lambda t: t / 127.5 - 1.0)
for epoch in range(50):
    for batch in faces:
        train_step(batch)
