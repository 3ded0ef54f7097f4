import numpy as np
from sklearn.model_selection import train_test_split
from tensorflow.keras.layers import LSTM, Activation, Dense, Input
from tensorflow.keras.models import Sequential

GESTURES = ("swipe", "tap", "circle", "shake", "none")


def windows(path, length=128, step=32):
    z = np.load(path)
    xs, ys, who = [], [], []
    for person, signal, label in zip(z["person"], z["signals"], z["labels"]):
        for start in range(0, len(signal) - length, step):
            xs.append(signal[start:start + length])
            ys.append(label)
            who.append(person)
    return np.stack(xs), np.array(ys), np.array(who)


x, y, person = windows("imu_all.npz")
print(len(np.unique(person)), "people")
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, stratify=y)

model = Sequential([
    Input(x.shape[1:]),
    LSTM(48),
    Dense(len(GESTURES), activation="sigmoid"),
    Activation("softmax"),
])
model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=30)
print(model.evaluate(x_test, y_test))
