import numpy as np
from tensorflow.keras.datasets import fashion_mnist
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.models import Model

(x_train, _), (x_test, _) = fashion_mnist.load_data()
x_train = x_train.reshape(-1, 784).astype("float32") / 255.0
x_test = x_test.reshape(-1, 784).astype("float32") / 255.0

inp = Input(shape=(784,))
code = Dense(128, activation="relu")(inp)
code = Dense(32, activation="relu")(code)
dec = Dense(128, activation="relu")(code)
out = Dense(784, activation="sigmoid")(dec)
autoencoder = Model(inp, out)
encoder = Model(inp, code)
autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
autoencoder.fit(x_train, x_train, epochs=50, batch_size=256, validation_data=(x_test, x_test))
z = encoder.predict(x_test)
print(np.var(z, axis=0))
