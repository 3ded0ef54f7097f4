import numpy as np
import pandas as pd
from keras.layers import Dense, Dropout
from keras.models import Sequential
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

raw = pd.read_csv("german.data", sep=" ", header=None)
X = pd.get_dummies(raw.iloc[:, :-1]).astype("float32").values

# ---- model 1: one unit --------------------------------------------------
y = np.where(raw[20] == "bad", 2, 1)
Xa, Xb, ya, yb = train_test_split(X, y, random_state=4)
one = Sequential([Dense(30, activation="relu"), Dropout(0.3), Dense(1, activation="sigmoid")])
one.compile(optimizer="adam", loss="binary_crossentropy")
one.fit(Xa, ya, epochs=30, verbose=0)

# ---- model 2: two columns -----------------------------------------------
bad = (raw[20] == "bad").astype(int).values
Xa, Xb, ba, bb = train_test_split(X, bad, random_state=4)
two = Sequential([Dense(30, activation="relu"), Dropout(0.3), Dense(2, activation="softmax")])
two.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
two.fit(Xa, ba, epochs=30, verbose=0)
print("AUC, two columns:", roc_auc_score(bb, two.predict(Xb)[:, 0]))
