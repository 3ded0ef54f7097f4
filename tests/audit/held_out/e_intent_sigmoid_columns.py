import json

import numpy as np
import tensorflow as tf

intents = json.load(open("intents.json"))["intents"]
tags = [i["tag"] for i in intents]
lines = [(p, n) for n, i in enumerate(intents) for p in i["patterns"]]
vocab = sorted({w for p, _ in lines for w in p.lower().split()})
bags = np.array([[w in p.lower().split() for w in vocab] for p, _ in lines], dtype=np.float32)
target = np.zeros((len(lines), len(tags)))
for row, (_, n) in enumerate(lines):
    target[row, n] = 1

bot = tf.keras.models.Sequential()
bot.add(tf.keras.layers.Dense(128, input_shape=(len(vocab),), activation="relu"))
bot.add(tf.keras.layers.Dropout(0.5))
bot.add(tf.keras.layers.Dense(len(tags), activation="sigmoid"))
bot.compile(loss="categorical_crossentropy", optimizer=tf.keras.optimizers.SGD(learning_rate=0.01, nesterov=True, momentum=0.9), metrics=["accuracy"])
bot.fit(bags, target, epochs=200, batch_size=5, verbose=1)


def answer(text):
    bag = np.array([[w in text.lower().split() for w in vocab]], dtype=np.float32)
    return tags[int(np.argmax(bot.predict(bag)[0]))]
