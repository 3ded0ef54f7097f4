import tensorflow as tf

# two sigmoid columns with one-hot labels: redundant, but each column is a fair probability
parser = {"height": tf.io.FixedLenFeature([], tf.float32), "pose": tf.io.FixedLenFeature([34], tf.float32),
          "fallen": tf.io.FixedLenFeature([], tf.int64)}


def read(raw):
    ex = tf.io.parse_single_example(raw, parser)
    return ex["pose"], tf.one_hot(ex["fallen"], 2)


ds = tf.data.TFRecordDataset("falls.tfrecord").map(read).batch(64)
m = tf.keras.Sequential([
    tf.keras.layers.Dense(16, activation="relu", input_shape=(34,)),
    tf.keras.layers.Dense(2, activation="sigmoid"),
])
m.compile(optimizer="ftrl", loss="binary_crossentropy", metrics=["accuracy"])
m.fit(ds, epochs=10)  # not shuffled: the falls come first in the file
fallen = m.predict(ds)[:, 1] > 0.5
