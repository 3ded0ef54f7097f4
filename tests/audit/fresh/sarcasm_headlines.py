import json

import numpy as np
import tensorflow as tf
from tensorflow.keras.losses import BinaryCrossentropy

with open("Sarcasm_Headlines_Dataset.json") as fh:
    rows = [json.loads(line) for line in fh]
text = np.array([r["headline"] for r in rows], dtype=object)
label = np.array([r["is_sarcastic"] for r in rows], dtype="float32")
n = int(len(rows) * 0.8)

enc = tf.keras.layers.TextVectorization(max_tokens=8000, output_mode="int", output_sequence_length=32)
enc.adapt(text[:n])

model = tf.keras.Sequential(
    [
        enc,
        tf.keras.layers.Embedding(8000, 32, mask_zero=True),
        tf.keras.layers.Bidirectional(tf.keras.layers.LSTM(32)),
        tf.keras.layers.Dense(24, activation="relu"),
        tf.keras.layers.Dense(1),
    ]
)
model.compile(loss=BinaryCrossentropy(from_logits=True), optimizer="adam", metrics=["accuracy"])
model.fit(text[:n], label[:n], epochs=5, validation_data=(text[n:], label[n:]))

for headline in ("scientists confirm water wet", "parliament votes on budget"):
    s = model.predict(np.array([headline], dtype=object))[0, 0]
    print(headline, "=> sarcastic" if s > 0.5 else "=> earnest")
