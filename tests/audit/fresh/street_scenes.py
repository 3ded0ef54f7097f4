import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers as L

N_CLASSES = 19


def pair(image, label):
    i = tf.image.resize(tf.io.decode_png(tf.io.read_file(image), 3), (256, 512)) / 255.0
    l = tf.image.resize(tf.io.decode_png(tf.io.read_file(label), 1), (256, 512), method="nearest")
    return i, l


def data(root, part, batch):
    imgs = sorted(map(str, Path(root, "leftImg8bit", part).glob("*/*.png")))
    labs = sorted(map(str, Path(root, "gtFine", part).glob("*/*trainId.png")))
    return tf.data.Dataset.from_tensor_slices((imgs, labs)).map(pair, num_parallel_calls=8).batch(batch).prefetch(1)


def fcn():
    base = tf.keras.applications.MobileNetV2(input_shape=(256, 512, 3), include_top=False)
    x = base.output
    for f in (256, 128, 64, 32, 16):
        x = L.Conv2DTranspose(f, 3, strides=2, padding="same", activation="relu")(x)
    return tf.keras.Model(base.input, L.Conv2D(N_CLASSES, 1, activation="softmax")(x))


def main(argv=None):
    p = argparse.ArgumentParser()
    p.add_argument("root")
    p.add_argument("--batch", type=int, default=4)
    a = p.parse_args(argv)
    net = fcn()
    net.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(ignore_class=255), metrics=["accuracy"])
    net.fit(data(a.root, "train", a.batch), epochs=40)
    conf = np.zeros((N_CLASSES, N_CLASSES))
    for img, lab in data(a.root, "val", a.batch):
        hat = np.argmax(net.predict(img, verbose=0), axis=-1)
        lab = lab.numpy()[..., 0]
        ok = lab < N_CLASSES
        np.add.at(conf, (lab[ok], hat[ok]), 1)
    iou = np.diag(conf) / (conf.sum(0) + conf.sum(1) - np.diag(conf))
    print(f"mIoU {np.nanmean(iou):.3f}")


if __name__ == "__main__":
    main()
