import tensorflow as tf
from tensorflow.keras import Model, layers, metrics


class Triplet(Model):
    def __init__(self, net, margin=0.5):
        super().__init__()
        self.net, self.margin = net, margin
        self.seen = metrics.Mean(name="loss")

    def call(self, three):
        a, p, n = (self.net(v) for v in three)
        return tf.reduce_sum((a - p) ** 2, -1), tf.reduce_sum((a - n) ** 2, -1)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            near, far = self(data)
            loss = tf.reduce_mean(tf.maximum(near - far + self.margin, 0.0))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.net.trainable_weights), self.net.trainable_weights))
        self.seen.update_state(loss)
        return {"loss": self.seen.result()}

    @property
    def metrics(self):
        return [self.seen]


base = tf.keras.applications.ResNet50(include_top=False, pooling="avg", input_shape=(200, 200, 3))
net = tf.keras.Sequential([base, layers.Dense(256, activation="relu"), layers.Dense(128)])
model = Triplet(net)
model.compile(optimizer=tf.keras.optimizers.Adam(1e-2))  # far too fast for a pretrained net
