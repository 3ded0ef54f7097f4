"""Pre-ictal against inter-ictal EEG, ten-fold by patient, threshold from inner patients."""
import numpy as np
from sklearn.metrics import f1_score, recall_score
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from tensorflow import keras


def eegnet(channels, samples, drop=0.5):
    i = keras.Input((channels, samples, 1))
    x = keras.layers.Conv2D(8, (1, 64), padding="same", use_bias=False)(i)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.DepthwiseConv2D((channels, 1), depth_multiplier=2, use_bias=False)(x)
    x = keras.layers.Activation("elu")(keras.layers.BatchNormalization()(x))
    x = keras.layers.AveragePooling2D((1, 4))(x)
    x = keras.layers.Dropout(drop)(x)
    x = keras.layers.SeparableConv2D(16, (1, 16), padding="same", activation="elu")(x)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D((1, 8))(x))
    return keras.Model(i, keras.layers.Dense(1, activation="sigmoid")(x))


def best_cut(y, p):
    cuts = np.unique(p.round(3))
    return cuts[np.argmax([f1_score(y, p >= c) for c in cuts])]


data = np.load("chbmit_windows.npz")
X, y, patient = data["X"][..., None], data["y"], data["patient"]
rows = []
for train, test in GroupKFold(10).split(X, y, patient):
    a, b = next(GroupShuffleSplit(1, test_size=0.25, random_state=0).split(train, groups=patient[train]))
    fit, tune = train[a], train[b]
    scale = np.abs(X[fit]).mean(axis=(0, 2), keepdims=True)
    net = eegnet(*X.shape[1:3])
    net.compile("adam", "binary_crossentropy", metrics=[keras.metrics.AUC(curve="PR")])
    w = {0: 1.0, 1: float((y[fit] == 0).sum() / (y[fit] == 1).sum())}
    net.fit(X[fit] / scale, y[fit], epochs=40, class_weight=w, verbose=0)
    cut = best_cut(y[tune], net.predict(X[tune] / scale)[:, 0])
    hat = net.predict(X[test] / scale)[:, 0] >= cut
    rows.append((f1_score(y[test], hat), recall_score(y[test], hat)))
print(np.mean(rows, axis=0))
