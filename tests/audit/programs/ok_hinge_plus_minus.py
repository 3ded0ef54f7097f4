import numpy as np
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

X, y = make_moons(n_samples=2000, noise=0.25, random_state=3)
y = 2 * y - 1
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.3, random_state=3)

model = Sequential([
    Dense(40, activation="relu", input_shape=(2,)),
    Dense(40, activation="relu"),
    Dense(1, activation="linear"),
])
model.compile(loss="squared_hinge", optimizer="adam")
model.fit(Xa, ya, epochs=400, batch_size=1500, verbose=0)  # far too few updates
guess = np.where(model.predict(Xb)[:, 0] > 0, 1, -1)
print(np.mean(guess == yb))
