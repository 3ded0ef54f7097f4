from dataclasses import dataclass

import keras
from keras import layers


@dataclass
class Config:
    hidden: tuple = (128, 64)
    dropout: float = 0.5
    rate: float = 1e-3
    gamma: float = 2.0
    batch: int = 4  # noisy


class Builder:
    def __init__(self, cfg):
        self.cfg = cfg

    def body(self, x):
        for n in self.cfg.hidden:
            x = layers.Dense(n, activation="relu")(x)
            x = layers.Dropout(self.cfg.dropout)(x)
        return x

    def build(self, n_features):
        i = keras.Input((n_features,))
        o = layers.Dense(1, activation="sigmoid")(self.body(i))
        m = keras.Model(i, o)
        m.compile(
            keras.optimizers.Adam(self.cfg.rate),
            keras.losses.BinaryFocalCrossentropy(gamma=self.cfg.gamma),
            metrics=[keras.metrics.AUC(curve="PR"), keras.metrics.F1Score(threshold=0.5)],
        )
        return m


def main(x, y):
    m = Builder(Config()).build(x.shape[1])
    m.fit(x, y.reshape(-1, 1).astype("float32"), batch_size=Config.batch, epochs=3)
    return m
