import pandas as pd
from sklearn.model_selection import train_test_split
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

houses = pd.read_csv("kc_house_data.csv")
y = houses["price"].values  # dollars
X = houses[["bedrooms", "bathrooms", "sqft_living", "floors", "grade"]].values
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)

reg = Sequential()
reg.add(Dense(32, activation="relu", input_dim=5))
reg.add(Dense(32, activation="relu"))
reg.add(Dense(1, activation="sigmoid"))
reg.compile(optimizer="adam", loss="mse", metrics=["mae", "accuracy"])
reg.fit(X_train, y_train, epochs=50, batch_size=64)
print(reg.evaluate(X_test, y_test))
