import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler
import tensorflow as tf


def load(path="wines.csv"):
    table = pd.read_csv(path)
    enc = LabelEncoder()
    region = enc.fit_transform(table.pop("region"))
    spectra = StandardScaler().fit_transform(table.values)
    return spectra, region, enc


def split(spectra, region):
    return train_test_split(spectra, region, test_size=0.2, stratify=region, random_state=11)


def network(n_in, n_regions):
    reg = tf.keras.regularizers.l2(1e-4)
    seq = tf.keras.Sequential([tf.keras.Input(shape=(n_in,))])
    seq.add(tf.keras.layers.Dense(64, activation="selu", kernel_regularizer=reg))
    seq.add(tf.keras.layers.Dense(n_regions, activation="softmax"))
    return seq


def train(net, x, y):
    net.compile("adam", tf.keras.losses.CategoricalCrossentropy())
    return net.fit(x, y, epochs=100, verbose=0)


def main():
    spectra, region, enc = load()
    x_tr, x_te, y_tr, y_te = split(spectra, region)
    net = network(spectra.shape[1], len(enc.classes_))
    train(net, x_tr, y_tr)
    hit = net.predict(x_te).argmax(axis=1) == y_te
    print(f"{hit.mean():.3f}")


if __name__ == "__main__":
    main()
