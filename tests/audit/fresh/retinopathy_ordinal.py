# Diabetic retinopathy grades 0..4 as four "at least grade k" questions.
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import GroupShuffleSplit

df = pd.read_csv("aptos_pairs.csv")            # one row an eye, two rows a patient
emb = np.load("aptos_embeddings.npy")
grade = df["grade"].to_numpy()
steps = (grade[:, None] > np.arange(4)[None]).astype("float32")

tr, te = next(GroupShuffleSplit(1, test_size=0.2, random_state=3).split(emb, grade, df["patient"]))

model = tf.keras.Sequential([
    tf.keras.layers.Input((emb.shape[1],)),
    tf.keras.layers.Dense(128, activation="relu"),
    tf.keras.layers.Dropout(0.5),
    tf.keras.layers.Dense(4, activation="sigmoid"),
])
model.compile("adam", loss="binary_crossentropy")
model.fit(emb[tr], steps[tr], epochs=30, verbose=0)

predicted = (model.predict(emb[te]) > 0.5).sum(axis=1)
print("kappa", cohen_kappa_score(grade[te], predicted, weights="quadratic"))
