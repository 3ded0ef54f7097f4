import argparse
import os

import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser("bearing fault diagnosis")
parser.add_argument("--data", required=True)
parser.add_argument("--faults", type=int, default=10)
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--lr", type=float, default=0.001)
parser.add_argument("--out", default="runs/wdcnn")


def wdcnn(n_faults):
    x = inp = tf.keras.Input((2048, 1))
    for filters, kernel, stride in ((16, 64, 16), (32, 3, 1), (64, 3, 1), (64, 3, 1)):
        x = tf.keras.layers.Conv1D(filters, kernel, strides=stride, padding="same")(x)
        x = tf.keras.layers.BatchNormalization()(x)
        x = tf.keras.layers.ReLU()(x)
        x = tf.keras.layers.MaxPool1D(2)(x)
    x = tf.keras.layers.Flatten()(x)
    x = tf.keras.layers.Dense(100, activation="relu")(x)
    x = tf.keras.layers.Dense(n_faults)(x)
    x = tf.keras.layers.Softmax()(x)
    return tf.keras.Model(inp, x, name="wdcnn")


def main():
    args = parser.parse_args()
    d = np.load(args.data)
    model = wdcnn(args.faults)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=args.lr), loss=loss, metrics=["accuracy"])
    model.fit(d["x_train"], d["y_train"], validation_data=(d["x_val"], d["y_val"]), epochs=args.epochs)
    os.makedirs(args.out, exist_ok=True)
    model.save_weights(os.path.join(args.out, "last.weights.h5"))


if __name__ == "__main__":
    main()
