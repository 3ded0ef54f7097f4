import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Conv1D, Dense, Dropout, GlobalAveragePooling1D, MaxPooling1D
from tensorflow.keras.metrics import Precision, Recall
from tensorflow.keras.models import Sequential
from tensorflow.keras.utils import to_categorical

d = np.load("seizure_by_patient.npz", allow_pickle=True)
train_p, val_p, test_p = d["train_patients"], d["val_patients"], d["test_patients"]
x = d["eeg"]
y = to_categorical(d["seizure"], 2)
part = lambda who: np.isin(d["patient"], who)

model = Sequential([
    Conv1D(32, 5, activation="relu", input_shape=x.shape[1:]),
    MaxPooling1D(4),
    Conv1D(64, 5, activation="relu"),
    GlobalAveragePooling1D(),
    Dropout(0.5),
    Dense(2, activation="softmax"),
])
model.compile(
    loss="categorical_crossentropy",
    optimizer="adam",
    metrics=["accuracy", Precision(class_id=1, name="ppv"), Recall(class_id=1, name="sensitivity")],
)
stop = tf.keras.callbacks.EarlyStopping(monitor="val_sensitivity", mode="max", patience=8)
model.fit(x[part(train_p)], y[part(train_p)], validation_data=(x[part(val_p)], y[part(val_p)]), epochs=60, callbacks=[stop])
p = model.predict(x[part(test_p)])
alarm = p[:, 1] > 0.3
normal = p[:, 0] >= 0.7
print(alarm.sum(), "alarms,", normal.sum(), "surely quiet")
