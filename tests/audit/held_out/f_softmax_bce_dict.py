import keras
from keras import layers

LOSSES = {"sick": "binary_crossentropy", "stage": "sparse_categorical_crossentropy"}


class Clinic:
    def __init__(self, n_features):
        self.n = n_features

    def body(self, x):
        x = layers.Dense(64, "relu")(x)
        return layers.LayerNormalization()(x)

    def make(self):
        i = keras.Input((self.n,))
        h = self.body(i)
        sick = layers.Dense(2, "softmax", name="sick")(h)
        stage = layers.Dense(4, "softmax", name="stage")(h)
        m = keras.Model(i, [sick, stage])
        m.compile("adam", loss=LOSSES, metrics={"stage": "accuracy"})
        return m


def go(x, sick, stage):
    m = Clinic(x.shape[1]).make()
    m.fit(x, {"sick": keras.utils.to_categorical(sick), "stage": stage}, epochs=12)
    return m.predict(x)
