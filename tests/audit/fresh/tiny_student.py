import tensorflow as tf
from tensorflow import keras


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.student, self.teacher = student, teacher

    def compile(self, optimizer, metrics, student_loss, soft_loss, alpha=0.1, temperature=4.0):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss, self.soft_loss = student_loss, soft_loss
        self.alpha, self.temperature = alpha, temperature

    def train_step(self, data):
        x, y = data
        t = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            s = self.student(x, training=True)
            hard = self.student_loss(y, s)
            soft = self.soft_loss(tf.nn.softmax(t / self.temperature, axis=1), tf.nn.softmax(s / self.temperature, axis=1))
            loss = self.alpha * hard + (1 - self.alpha) * soft * self.temperature ** 2
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.student.trainable_variables), self.student.trainable_variables))
        self.compiled_metrics.update_state(y, s)
        return {m.name: m.result() for m in self.metrics}

    def call(self, x):
        return self.student(x)


def cnn(widths):
    return keras.Sequential([keras.Input((28, 28, 1))] + [keras.layers.Conv2D(w, 3, 2, activation="relu") for w in widths] + [keras.layers.Flatten(), keras.layers.Dense(10)])


(x, y), test = keras.datasets.fashion_mnist.load_data()
x = x[..., None] / 255.0
teacher, student = cnn((256, 512)), cnn((16, 32))
teacher.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
teacher.fit(x, y, epochs=5)
d = Distiller(student, teacher)
d.compile(keras.optimizers.Adam(), [keras.metrics.SparseCategoricalAccuracy()],
          keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.losses.KLDivergence())
d.fit(x, y, epochs=3)
