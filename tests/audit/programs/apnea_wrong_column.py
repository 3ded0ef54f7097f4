import numpy as np
from sklearn.metrics import classification_report
from tensorflow.keras import layers, Model, Input

N_CLASSES = 2
x_train, y_train = np.load("apnea_x_train.npy"), np.load("apnea_y_train.npy")  # y: 0 normal, 1 apnea
x_test, y_test = np.load("apnea_x_test.npy"), np.load("apnea_y_test.npy")

inp = Input((6000, 1))
v = inp
for f in [16, 32, 64]:
    v = layers.Conv1D(f, 7, strides=2, activation="relu")(v)
    v = layers.MaxPooling1D(2)(v)
v = layers.LSTM(32)(v)
out = layers.Dense(N_CLASSES, activation="softmax")(v)
model = Model(inp, out)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=25, batch_size=64, validation_split=0.1)

p = model.predict(x_test)
apnea = p[:, 0] > 0.5
print(classification_report(y_test, apnea, target_names=["normal", "apnea"]))
