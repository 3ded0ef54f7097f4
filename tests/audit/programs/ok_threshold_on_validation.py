import numpy as np
from sklearn.metrics import classification_report, f1_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Dense, Dropout

X, y = np.load("X.npy"), np.load("y.npy")
X_tmp, X_test, y_tmp, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X_tmp, y_tmp, test_size=0.25, random_state=0)
scaler = StandardScaler().fit(X_train)

model = Sequential([Dense(64, activation="relu", input_shape=(X.shape[1],)), Dropout(0.9), Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(scaler.transform(X_train), y_train, epochs=30, verbose=0)

p_val = model.predict(scaler.transform(X_val)).ravel()
grid = np.linspace(0.01, 0.99, 99)
t = grid[np.argmax([f1_score(y_val, p_val >= g) for g in grid])]
p_test = model.predict(scaler.transform(X_test)).ravel()
print(t, classification_report(y_test, p_test >= t))
