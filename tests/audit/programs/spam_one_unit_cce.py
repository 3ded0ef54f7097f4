import numpy as np
from tensorflow import keras

max_words = 5000
tok = keras.preprocessing.text.Tokenizer(num_words=max_words)
texts = [line.split("\t")[1] for line in open("sms.tsv", encoding="utf8")]
labels = np.array([1 if line.startswith("spam") else 0 for line in open("sms.tsv", encoding="utf8")])
tok.fit_on_texts(texts[:4000])
x = tok.texts_to_matrix(texts, mode="binary")
x_tr, x_te = x[:4000], x[4000:]
y_tr, y_te = labels[:4000], labels[4000:]

net = keras.Sequential([
    keras.layers.Dense(64, activation="relu", input_shape=(max_words,)),
    keras.layers.Dense(1, activation="sigmoid"),
])
net.compile(
    optimizer="rmsprop",
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
net.fit(x_tr, y_tr, epochs=5, batch_size=64)
print(net.evaluate(x_te, y_te))
