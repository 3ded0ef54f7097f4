import tensorflow as tf
from tensorflow.keras import layers as kl


def d_hinge(real, fake):
    return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))


def g_hinge(fake):
    return -tf.reduce_mean(fake)


D = tf.keras.Sequential([
    kl.Conv2D(64, 4, 2, "same", input_shape=(32, 32, 3)), kl.LeakyReLU(0.1),
    kl.Conv2D(128, 4, 2, "same"), kl.LeakyReLU(0.1),
    kl.Flatten(), kl.Dense(1),
])
G = tf.keras.Sequential([
    kl.Dense(8 * 8 * 128, input_shape=(64,)), kl.Reshape((8, 8, 128)),
    kl.Conv2DTranspose(64, 4, 2, "same", activation="relu"),
    kl.Conv2DTranspose(3, 4, 2, "same", activation="tanh"),
])
od, og = tf.keras.optimizers.Adam(4e-4, 0.0), tf.keras.optimizers.Adam(1e-4, 0.0)


@tf.function
def train(real):
    z = tf.random.normal((tf.shape(real)[0], 64))
    with tf.GradientTape(persistent=True) as tape:
        f = G(z, training=True)
        ld, lg = d_hinge(D(real), D(f)), g_hinge(D(f))
    od.apply_gradients(zip(tape.gradient(ld, D.trainable_variables), D.trainable_variables))
    og.apply_gradients(zip(tape.gradient(lg, G.trainable_variables), G.trainable_variables))
    return ld, lg
