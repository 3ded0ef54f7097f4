import tensorflow as tf


class Poet(tf.keras.Model):
    def __init__(self, v, d, n):
        super().__init__()
        self.e = tf.keras.layers.Embedding(v, d)
        self.g = tf.keras.layers.GRU(n, return_sequences=True, return_state=True)
        self.o = tf.keras.layers.Dense(v)

    def call(self, x, states=None, return_state=False, training=False):
        x = self.e(x, training=training)
        if states is None:
            states = self.g.get_initial_state(x)
        x, states = self.g(x, initial_state=states, training=training)
        x = self.o(x, training=training)
        return (x, states) if return_state else x


poet = Poet(66, 256, 1024)
loss = tf.losses.SparseCategoricalCrossentropy(from_logits=True)
poet.compile(optimizer="adam", loss=loss)


def speak(start, n=200, heat=1.0):
    x, st, out = start, None, []
    for _ in range(n):
        logits, st = poet(x, st, return_state=True)
        nxt = tf.random.categorical(logits[:, -1, :] / heat, num_samples=1)
        out.append(int(nxt[0, 0]))
        x = nxt
    return out
