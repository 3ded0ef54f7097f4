import tensorflow as tf
from tensorflow.keras import layers


class Siren(tf.keras.Model):
    """Audio clip: siren or not."""

    def __init__(self, **kw):
        super(Siren, self).__init__(**kw)
        self.c1 = layers.Conv2D(16, 3, activation="relu")
        self.c2 = layers.Conv2D(32, 3, activation="relu")
        self.pool = layers.GlobalAveragePooling2D()
        self.d = layers.Dense(32, activation="relu")
        self.head = layers.Dense(1)

    def call(self, x, training=False):
        x = self.c1(x)
        x = self.c2(x)
        x = self.pool(x)
        x = self.d(x)
        return self.head(x)


def train(ds, val):
    model = Siren()
    model.compile(optimizer=tf.keras.optimizers.Adam(3e-4),
                  loss=tf.keras.losses.BinaryCrossentropy(),
                  metrics=[tf.keras.metrics.AUC()])
    return model.fit(ds, validation_data=val, epochs=20)
