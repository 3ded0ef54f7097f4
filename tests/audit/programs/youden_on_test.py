import joblib
import numpy as np
import tensorflow as tf
from sklearn.metrics import accuracy_score, confusion_matrix, roc_curve

bundle = joblib.load("sepsis.joblib")
X_train, y_train = bundle["X_train"], bundle["y_train"]
X_test, y_test = bundle["X_test"], bundle["y_test"]

net = tf.keras.Sequential([
    tf.keras.layers.LSTM(48, input_shape=(24, 12)),
    tf.keras.layers.Dense(1, activation=tf.nn.sigmoid),
])
net.compile(loss=tf.keras.losses.binary_crossentropy, optimizer=tf.keras.optimizers.Nadam())
net.fit(X_train, y_train, epochs=12, validation_split=0.2)

scores = net.predict(X_test)[:, 0]
fpr, tpr, thr = roc_curve(y_test, scores)
cut = thr[np.argmax(tpr - fpr)]
y_hat = (scores >= cut).astype(int)
print(confusion_matrix(y_test, y_hat), accuracy_score(y_test, y_hat))
