import argparse

import tensorflow as tf
from tensorflow.keras import layers

p = argparse.ArgumentParser()
p.add_argument("--batch", type=int, default=32)
args = p.parse_args()


class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.stack = [layers.Dense(32, activation="relu"), layers.Dense(3, activation="softmax")]

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x


def load(path):
    raw = tf.data.experimental.make_csv_dataset(path, args.batch, label_name="species", num_epochs=1)
    return raw.map(lambda f, y: (tf.stack(list(f.values()), axis=1), y))


net = Net()
net.compile(optimizer="adam", loss=tf.keras.metrics.sparse_categorical_accuracy)
net.fit(load("iris_training.csv"), epochs=50)
