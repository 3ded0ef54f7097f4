import tensorflow as tf
from tensorflow import keras


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def compile(self, optimizer, metrics, hard, soft, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.hard, self.soft, self.alpha, self.temperature = hard, soft, alpha, temperature

    def train_step(self, data):
        x, y = data
        t = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            s = self.student(x, training=True)
            loss = self.alpha * self.hard(y, s) + (1 - self.alpha) * self.soft(
                tf.nn.softmax(t / self.temperature, axis=1), tf.nn.softmax(s / self.temperature, axis=1))
        ws = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, ws), ws))
        self.compiled_metrics.update_state(y, s)
        return {m.name: m.result() for m in self.metrics}


def small(w):
    return keras.Sequential([keras.layers.Conv2D(w, 3, strides=2, input_shape=(28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])


d = Distiller(small(16), small(256))
d.compile(keras.optimizers.Adam(), [keras.metrics.SparseCategoricalAccuracy()],
          keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.losses.KLDivergence())
