import tensorflow as tf


class Spotter(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = tf.keras.layers.Conv2D(24, 3, activation="relu")
        self.pool = tf.keras.layers.GlobalMaxPool2D()
        self.fc = tf.keras.layers.Dense(1, activation="sigmoid")

    def call(self, mel):
        return self.fc(self.pool(self.conv(mel)))


def parse(record):
    f = tf.io.parse_single_example(record, {"mel": tf.io.FixedLenFeature([98 * 40], tf.float32), "wake": tf.io.FixedLenFeature([1], tf.int64)})
    return tf.reshape(f["mel"], (98, 40, 1)), tf.cast(f["wake"], tf.float32)


train_ds = tf.data.TFRecordDataset("wake_train.tfrecord").map(parse).shuffle(4096).batch(64)
test_ds = tf.data.TFRecordDataset("wake_test.tfrecord").map(parse).batch(64)

spotter = Spotter()
opt = tf.keras.optimizers.Adam()
bce = tf.keras.losses.BinaryCrossentropy(from_logits=True)


@tf.function
def step(mel, wake):
    with tf.GradientTape() as tape:
        loss = bce(wake, spotter(mel, training=True))
    grads = tape.gradient(loss, spotter.trainable_variables)
    opt.apply_gradients(zip(grads, spotter.trainable_variables))
    return loss


for epoch in range(15):
    for mel, wake in train_ds:
        loss = step(mel, wake)
    print(epoch, float(loss))

right = total = 0
for mel, wake in test_ds:
    guess = tf.argmax(spotter(mel), axis=1)
    right += int(tf.reduce_sum(tf.cast(guess == tf.cast(wake[:, 0], tf.int64), tf.int32)))
    total += len(wake)
print(right / total)
