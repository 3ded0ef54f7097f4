import pandas as pd
from sklearn.model_selection import train_test_split
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Dense, Normalization

visits = pd.read_csv("visits.csv")
person = visits.groupby("patient_id").agg({"hba1c": "mean", "age": "last", "bmi": "mean", "readmitted": "max"})
X, y = person[["hba1c", "age", "bmi"]].to_numpy("float32"), person["readmitted"].to_numpy()
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.2, random_state=4)  # one row a patient

n = Normalization()
n.adapt(Xtr)
net = Sequential([n, Dense(500, "relu"), Dense(500, "relu"), Dense(500, "relu"), Dense(1, "sigmoid")])
net.compile("adam", "binary_crossentropy", metrics=["AUC"])
net.fit(Xtr, ytr, epochs=500, verbose=0)  # three inputs, half a million weights
print(net.evaluate(Xte, yte))
