from pathlib import Path

import numpy as np
import tensorflow as tf


def members(n, n_bands, n_crops, hidden):
    for seed in range(n):
        tf.keras.utils.set_random_seed(seed)
        m = tf.keras.Sequential()
        m.add(tf.keras.Input(shape=(None, n_bands)))
        m.add(tf.keras.layers.Masking(-1.0))
        m.add(tf.keras.layers.GRU(hidden))
        m.add(tf.keras.layers.Dense(n_crops, "softmax"))
        m.compile(
            optimizer=tf.keras.optimizers.legacy.Adam(),
            loss="sparse_categorical_crossentropy",
            metrics=[tf.keras.metrics.SparseCategoricalAccuracy(), tf.keras.metrics.SparseTopKCategoricalAccuracy(k=3)],
        )
        yield m


def vote(nets, x):
    return np.mean([net.predict(x, verbose=0) for net in nets], axis=0)


if __name__ == "__main__":
    z = np.load(Path.home() / "crops" / "fields_2018.npz")
    nets = []
    for net in members(5, z["x"].shape[-1], 9, 64):
        net.fit(z["x"], z["y"], epochs=20, batch_size=64)
        nets.append(net)
    later = np.load(Path.home() / "crops" / "fields_2019.npz")
    p = vote(nets, later["x"])
    sure = p.max(axis=1) > 0.5
    hit = p.argmax(axis=1) == later["y"]
    print(f"all {hit.mean():.3f}, sure ones {hit[sure].mean():.3f} ({sure.mean():.0%})")
