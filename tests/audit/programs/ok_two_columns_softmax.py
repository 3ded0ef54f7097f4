import numpy as np
import tensorflow as tf
from sklearn.metrics import precision_score, recall_score, roc_auc_score

d = np.load("apnea.npz")
x_tr, y_tr, x_te, y_te = d["xtr"], d["ytr"], d["xte"], d["yte"]

model = tf.keras.Sequential([
    tf.keras.layers.Input(x_tr.shape[1:]),
    tf.keras.layers.Conv1D(16, 7, activation="relu"),
    tf.keras.layers.GlobalMaxPooling1D(),
    tf.keras.layers.Dense(2, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
model.fit(x_tr, y_tr, epochs=3, batch_size=4096)

p = model.predict(x_te)
y_hat = p.argmax(axis=1)
print(precision_score(y_te, y_hat), recall_score(y_te, y_hat), roc_auc_score(y_te, p[:, 1]))
print("sure:", (p[:, 1] > 0.9).sum())
