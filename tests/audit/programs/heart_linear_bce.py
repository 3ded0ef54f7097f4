import argparse

import numpy as np
import tensorflow as tf


def parse():
    p = argparse.ArgumentParser(description="heart disease yes/no")
    p.add_argument("csv")
    p.add_argument("--epochs", type=int, default=50)
    p.add_argument("--hidden", type=int, default=16)
    return p.parse_args()


def main():
    args = parse()
    table = np.loadtxt(args.csv, delimiter=",", skiprows=1)
    x, y = table[:, :-1], table[:, -1]
    model = tf.keras.Sequential()
    model.add(tf.keras.layers.InputLayer(input_shape=(x.shape[1],)))
    model.add(tf.keras.layers.Dense(args.hidden, activation="relu"))
    model.add(tf.keras.layers.Dense(1))
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    model.fit(x, y, epochs=args.epochs, validation_split=0.25)
    model.save("heart.h5")


if __name__ == "__main__":
    main()
