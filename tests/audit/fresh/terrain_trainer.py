"""Trainer used for the terrain cover ablations."""
import logging

from keras import Input, Model, callbacks, layers, losses, optimizers

log = logging.getLogger(__name__)


class CoverTrainer:
    def __init__(self, n_features, n_cover=7, width=256, depth=3, lr=3e-4):
        self.n_features = n_features
        self.n_cover = n_cover
        self.width, self.depth = width, depth
        self.lr = lr
        self.model = None

    def _trunk(self, x):
        for i in range(self.depth):
            y = layers.Dense(self.width, name=f"fc{i}")(x)
            y = layers.BatchNormalization()(y)
            x = layers.ReLU()(y)
        return x

    def build(self):
        x = Input((self.n_features,))
        out = layers.Dense(self.n_cover, activation="softmax", name="cover")(self._trunk(x))
        self.model = Model(x, out)
        self.model.compile(optimizers.AdamW(self.lr), losses.BinaryCrossentropy())
        return self

    def run(self, train, val, epochs=30):
        stop = callbacks.EarlyStopping(patience=4, restore_best_weights=True)
        h = self.model.fit(*train, validation_data=val, epochs=epochs, callbacks=[stop], verbose=0)
        log.info("best val loss %.4f", min(h.history["val_loss"]))
        return h
