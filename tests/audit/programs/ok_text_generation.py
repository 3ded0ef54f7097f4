import numpy as np
import tensorflow as tf

text = open("poems.txt").read().lower()
chars = sorted(set(text))
index = {c: i for i, c in enumerate(chars)}
SEQ = 40
starts = range(0, len(text) - SEQ, 3)
x = np.zeros((len(starts), SEQ, len(chars)), dtype=bool)
y = np.zeros((len(starts), len(chars)), dtype=bool)
for n, s in enumerate(starts):
    for k, c in enumerate(text[s:s + SEQ]):
        x[n, k, index[c]] = 1
    y[n, index[text[s + SEQ]]] = 1

model = tf.keras.Sequential([
    tf.keras.layers.LSTM(128, input_shape=(SEQ, len(chars))),
    tf.keras.layers.Dense(len(chars), activation="softmax"),
])
model.compile(loss="categorical_crossentropy", optimizer=tf.keras.optimizers.RMSprop(0.01))


def sample(p, temperature=1.0):
    p = np.exp(np.log(np.asarray(p, "float64")) / temperature)
    return np.argmax(np.random.multinomial(1, p / p.sum(), 1))


model.fit(x, y, batch_size=128, epochs=20)
print(chars[sample(model.predict(x[:1])[0], 0.5)])
