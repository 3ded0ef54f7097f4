import numpy as np
from keras.layers import LSTM, Dense
from keras.models import Sequential
from sklearn.model_selection import StratifiedKFold

pack = np.load("stress_wearable.npz")
X, y, subject_id = pack["X"], pack["y"], pack["subject_id"]
print("windows per subject:", np.bincount(subject_id))


def lstm():
    m = Sequential()
    m.add(LSTM(20, input_shape=X.shape[1:]))
    m.add(Dense(1, activation="sigmoid"))
    m.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    return m


acc = []
for fit, hold in StratifiedKFold(n_splits=5, shuffle=True, random_state=0).split(X, y):
    m = lstm()
    m.fit(X[fit], y[fit], epochs=15, verbose=0)
    acc.append(m.evaluate(X[hold], y[hold], verbose=0)[1])
print("%.3f +- %.3f" % (np.mean(acc), np.std(acc)))
