import csv
import functools

import tensorflow as tf

SPECIES = tf.constant(["blackbird", "robin", "wren", "chiffchaff"])
RATE, SECONDS = 22050, 5


def spectrogram(path, species):
    wav, _ = tf.audio.decode_wav(tf.io.read_file(path), 1, RATE * SECONDS)
    s = tf.abs(tf.signal.stft(wav[:, 0], 1024, 512))
    s = tf.math.log(s + 1e-6)[..., None]
    y = tf.one_hot(tf.argmax(tf.cast(SPECIES == species, tf.int32)), 4)
    return s, y


def dataset(table, shuffle):
    with open(table, newline="") as f:
        paths, species = zip(*[(r["path"], r["species"]) for r in csv.DictReader(f)])
    ds = tf.data.Dataset.from_tensor_slices((list(paths), list(species)))
    if shuffle:
        ds = ds.shuffle(len(paths), seed=1)
    return ds.map(spectrogram, tf.data.AUTOTUNE).batch(16).prefetch(tf.data.AUTOTUNE)


conv = functools.partial(tf.keras.layers.Conv2D, kernel_size=3, padding="same", activation="relu")
model = tf.keras.Sequential([
    conv(16), tf.keras.layers.MaxPool2D(), conv(32), tf.keras.layers.MaxPool2D(), conv(64),
    tf.keras.layers.GlobalAvgPool2D(),
    tf.keras.layers.Dense(SPECIES.shape[0], activation=tf.nn.softmax),
])
model.compile(optimizer="adam", loss=tf.keras.losses.categorical_crossentropy, metrics=["categorical_accuracy"])
# recordings of a site are in one of the two tables only
model.fit(dataset("sites_train.csv", True), validation_data=dataset("sites_val.csv", False), epochs=25)
