import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

data = pd.read_csv("bank.csv")
data = pd.get_dummies(data, columns=["job", "marital", "education"])
target = (data.pop("deposit") == "yes").astype(int)

scaler = MinMaxScaler()
X = scaler.fit_transform(data)
X_train, X_test, y_train, y_test = train_test_split(X, target, test_size=0.2, random_state=0)

ann = Sequential()
ann.add(Dense(units=16, activation="relu", input_dim=X.shape[1]))
ann.add(Dense(units=1, activation="sigmoid"))
ann.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
ann.fit(X_train, y_train, batch_size=32, epochs=50)
print(ann.evaluate(X_test, y_test))
