"""Tags of holiday photographs: several a photograph. One cut a tag, from validation photographs."""
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from sklearn.metrics import f1_score


@dataclass
class Tagger:
    tags: list
    cuts: np.ndarray = field(default=None)
    net: tf.keras.Model = field(default=None)

    def build(self):
        base = tf.keras.applications.ResNet50V2(include_top=False, pooling="avg", input_shape=(224, 224, 3))
        out = tf.keras.layers.Dense(len(self.tags), activation="sigmoid")(base.output)
        self.net = tf.keras.Model(base.input, out)
        self.net.compile(
            optimizer=tf.keras.optimizers.SGD(1e-3, momentum=0.9),
            loss="binary_crossentropy",
            metrics=[tf.keras.metrics.AUC(multi_label=True, num_labels=len(self.tags)), "binary_accuracy"],
        )
        return self

    def fit(self, train, valid):
        self.net.fit(train, epochs=6, validation_data=valid)
        truth = np.concatenate([y for _, y in valid])
        score = self.net.predict(valid.map(lambda x, y: x))
        grid = np.linspace(0.05, 0.95, 19)
        self.cuts = np.array([
            grid[np.argmax([f1_score(truth[:, k], score[:, k] >= g) for g in grid])] for k in range(len(self.tags))
        ])

    def __call__(self, photos):
        hit = self.net.predict(photos) >= self.cuts
        return [[t for t, h in zip(self.tags, row) if h] for row in hit]


train, valid, test = (tf.data.Dataset.load(f"photos/{p}").batch(32) for p in ("train", "valid", "test"))
tagger = Tagger(open("photos/tags.txt").read().split()).build()
tagger.fit(train, valid)
print(tagger(test.take(1).map(lambda x, y: x)))
