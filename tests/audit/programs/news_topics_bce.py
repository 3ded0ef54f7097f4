from keras import layers, models
from keras.datasets import reuters
from keras.utils import to_categorical
import numpy as np

(train_data, train_labels), (test_data, test_labels) = reuters.load_data(num_words=10000)


def vectorize(seqs, dim=10000):
    out = np.zeros((len(seqs), dim))
    for i, s in enumerate(seqs):
        out[i, s] = 1.0
    return out


x_train, x_test = vectorize(train_data), vectorize(test_data)
y_train, y_test = to_categorical(train_labels), to_categorical(test_labels)

inputs = layers.Input(shape=(10000,))
x = layers.Dense(64, activation="relu")(inputs)
x = layers.Dense(64, activation="relu")(x)
probs = layers.Dense(46, activation="softmax")(x)
net = models.Model(inputs=inputs, outputs=probs)
net.compile("rmsprop", loss="binary_crossentropy", metrics=["categorical_accuracy"])
net.fit(x_train, y_train, epochs=9, batch_size=512, validation_split=0.1)
print(net.evaluate(x_test, y_test))
