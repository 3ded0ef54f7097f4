import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

tr, te = np.load("fall_train.npz"), np.load("fall_test.npz")
net = tf.keras.Sequential([
    tf.keras.layers.Conv1D(32, 5, activation="relu", input_shape=tr["x"].shape[1:]),
    tf.keras.layers.GlobalMaxPooling1D(),
    tf.keras.layers.Dense(2, activation="softmax"),
])
net.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
net.fit(tr["x"], tr["fell"], epochs=20)  # fell: 0 no, 1 yes
prob = net.predict(te["x"])
print("AUC", roc_auc_score(te["fell"], prob[:, 0]))
alarm = [1 if row[0] > 0.5 else 0 for row in prob]
print("alarms", sum(alarm), "of", int(te["fell"].sum()))
