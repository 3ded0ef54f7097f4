import tensorflow as tf
from tensorflow.keras.utils import to_categorical


def get_metrics():
    return [
        tf.keras.metrics.CategoricalAccuracy(),
        tf.keras.metrics.AUC(name="auc"),
    ]


class Trainer:
    def __init__(self, width=32, n_out=2):
        inp = tf.keras.Input((128, 128, 1))
        y = tf.keras.layers.Conv2D(width, 3, activation="relu")(inp)
        y = tf.keras.layers.MaxPooling2D(4)(y)
        y = tf.keras.layers.Flatten()(y)
        y = tf.keras.layers.Dense(n_out)(y)
        y = tf.keras.layers.Softmax()(y)
        self.model = tf.keras.Model(inp, y)

    def compile(self):
        self.model.compile(tf.keras.optimizers.Adam(), "categorical_crossentropy", metrics=get_metrics())

    def fit(self, x, y, **kw):
        return self.model.fit(x, to_categorical(y, 2), **kw)


trainer = Trainer()
trainer.compile()
