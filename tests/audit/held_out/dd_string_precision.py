import pandas as pd
from sklearn.model_selection import train_test_split
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential
from tensorflow.keras.utils import to_categorical

d = pd.read_csv("parkinson.csv").set_index("name")
tr, te = train_test_split(d, test_size=0.25, stratify=d["status"], random_state=2)
X_tr, X_te = tr.drop("status", axis=1).values, te.drop("status", axis=1).values
y_tr, y_te = to_categorical(tr["status"]), to_categorical(te["status"])

model = Sequential()
model.add(Dense(22, activation="relu", input_dim=22))
model.add(Dense(2, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["Precision"])
model.fit(X_tr, y_tr, epochs=150, batch_size=8, verbose=0)
print(model.evaluate(X_te, y_te))
