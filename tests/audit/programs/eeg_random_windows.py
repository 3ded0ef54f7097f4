import glob

import mne
import numpy as np
from sklearn.model_selection import train_test_split
from tensorflow.keras import layers, models

windows, targets, patients = [], [], []
for path in sorted(glob.glob("eeg/*.edf")):
    raw = mne.io.read_raw_edf(path, preload=True, verbose=False)
    patient = path.split("/")[-1][:5]
    sig = raw.get_data()
    marks = np.load(path.replace(".edf", "_marks.npy"))
    step = int(raw.info["sfreq"])
    for k in range(sig.shape[1] // step):
        windows.append(sig[:, k * step:(k + 1) * step].T)
        targets.append(int(marks[k]))
        patients.append(patient)

X = np.array(windows)
y = np.array(targets)
patients = np.array(patients)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, shuffle=True, random_state=42)

model = models.Sequential([
    layers.Input(X.shape[1:]),
    layers.Conv1D(32, 5, activation="relu"),
    layers.GlobalAveragePooling1D(),
    layers.Dense(1, activation="sigmoid"),
])
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(X_train, y_train, epochs=20)
print(len(set(patients)), "patients", model.evaluate(X_test, y_test))
