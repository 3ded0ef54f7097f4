import tensorflow as tf
from tensorflow.keras import layers


def cnn1d(n_steps, n_channels, n_classes=2, binary=True, width=64):
    """n_classes is ignored if binary."""
    n_out = 1 if binary else n_classes
    inp = layers.Input((n_steps, n_channels))
    h = layers.Conv1D(width, 9, padding="same")(inp)
    h = layers.BatchNormalization()(h)
    h = layers.Activation("relu")(h)
    h = layers.GlobalAveragePooling1D()(h)
    out = layers.Dense(n_out, activation=tf.nn.softmax)(h)
    return tf.keras.Model(inp, out)


def main():
    import scipy.io as sio

    mat = sio.loadmat("erp.mat")
    x, y = mat["epochs"], mat["is_target"].ravel()
    model = cnn1d(x.shape[1], x.shape[2])
    model.compile("adam", tf.keras.losses.BinaryCrossentropy(), ["accuracy"])
    model.fit(x, y, epochs=30, validation_split=0.3)


main()
