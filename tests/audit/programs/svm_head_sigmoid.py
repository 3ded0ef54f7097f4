import numpy as np
from tensorflow import keras
from tensorflow.keras import layers, regularizers

x = np.load("features_train.npy")
y = np.load("labels_train.npy")  # 0 or 1
y = np.where(y == 0, -1, 1)

svm = keras.Sequential()
svm.add(keras.Input(shape=(x.shape[1],)))
svm.add(layers.Dense(128, activation="relu"))
svm.add(layers.Dense(1, activation="sigmoid", kernel_regularizer=regularizers.l2(0.01)))
svm.compile(optimizer="adam", loss="hinge")
svm.fit(x, y, epochs=30, batch_size=64, validation_split=0.2)

test = np.load("features_test.npy")
print(np.sign(svm.predict(test) - 0.5)[:20])
