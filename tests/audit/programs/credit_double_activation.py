from keras.models import Sequential
from keras.layers import Activation, BatchNormalization, Dense

n_features = 29


def get_model():
    model = Sequential()
    model.add(Dense(64, input_dim=n_features, kernel_initializer="he_normal"))
    model.add(BatchNormalization())
    model.add(Activation("relu"))
    model.add(Dense(16, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    model.add(Activation("sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    import numpy as np

    data = np.genfromtxt("creditcard.csv", delimiter=",", skip_header=1)
    m = get_model()
    m.fit(data[:200000, 1:30], data[:200000, -1], epochs=3, batch_size=2048)
    print(m.evaluate(data[200000:, 1:30], data[200000:, -1]))
