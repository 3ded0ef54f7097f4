"""Mistakes in further forms: a line with a mark is found, one without is not."""

import pytest

from tests.audit.reading import audited, found, marked

HEAD = """\
import functools
import numpy as np, pandas as pd, tensorflow as tf
from functools import partial
from tensorflow import keras
from tensorflow.keras import backend as K, layers, Sequential, Model
"""
PROGRAMS = {
    "a layer by functools.partial": """
Last = functools.partial(layers.Dense, kernel_initializer="zeros", activation=tf.nn.softmax)
m = Sequential([layers.Dense(9, "relu"), Last(1)]) # HS101
m.compile(loss="sparse_categorical_crossentropy")
""",
    "a layer by a partial with its units": """
One = partial(layers.Dense, 1)
m = Sequential([One(activation="relu")]) # HS104
m.compile(loss="binary_crossentropy")
""",
    "a partial of a partial": """
Base = partial(layers.Dense, activation="sigmoid")
Wide = partial(Base, 4)
m = Sequential([layers.Flatten(), Wide()])
m.compile(loss="categorical_crossentropy") # HS102
""",
    "a partial of a class of losses": """
Loss = partial(keras.losses.BinaryCrossentropy, from_logits=True)
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=Loss()) # HS105
""",
    "a partial of an own loss": """
def scaled(y, p, weight, logits):
    return weight * K.binary_crossentropy(y, p, from_logits=logits)
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=partial(scaled, weight=3.0, logits=True)) # HS105
""",
    "a focal loss by a closure": """
def focal(gamma):
    def of_rows(y_true, y_pred):
        y_true = tf.cast(y_true, tf.float32)
        ce = tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)
        return tf.reduce_mean(tf.pow(1.0 - tf.exp(-ce), gamma) * ce)
    return of_rows
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=focal(2.0)) # HS105
""",
    "a cross-entropy of logits beside another term": """
def both(y, p):
    smooth = 1 - K.sum(y * p) / K.sum(y + p)
    return smooth + tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=p)
m = Sequential([layers.Dense(3, activation="softmax")])
m.compile(loss=both) # HS105
""",
    "a lambda that averages": """
m = Sequential([layers.Dense(1)]) # HS106
m.compile(loss=lambda y, p: K.mean(K.binary_crossentropy(y, p), axis=-1))
""",
    "a class of losses": """
class Weighted(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return 4.0 * keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)
m = Sequential([layers.Dense(5, activation="softmax")])
m.compile(loss=Weighted()) # HS105
""",
    "a step that is given activated outputs": """
m = Sequential([layers.Dense(7, activation="softmax")])
def step(x, y):
    p = m(x, training=True)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=p) # HS105
""",
    "sign by name of TensorFlow": """
m = Sequential([layers.Dense(1, activation=tf.sign)]) # HS110
m.compile(loss="mse")
""",
    "a step of a comparison": """
def heaviside(z):
    return tf.where(z > 0, 1.0, 0.0)
m = Sequential([layers.Dense(4), layers.Activation(heaviside)]) # HS110
m.compile(loss="mse")
""",
    "a lambda that rounds": """
m = Sequential([layers.Dense(1, activation=lambda z: K.round(K.sigmoid(z)))]) # HS110
m.compile(loss="binary_crossentropy")
""",
    "metric objects as losses": """
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=keras.metrics.BinaryAccuracy()) # HS113
m.compile(loss=[keras.metrics.AUC()]) # HS113
m.compile(loss=keras.metrics.categorical_accuracy) # HS113
""",
    "class weights that name words": """
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss="binary_crossentropy")
m.fit(x, y, class_weight={"no": 1.0, "yes": 9.0}) # HS205
m.fit(x, y, class_weight={k: 1.0 for k in range(2)})
m.fit(x, y, class_weight=dict(enumerate(w)))
""",
    "several labels by the word of a metric": """
m = Sequential([layers.Dense(6, activation="sigmoid")])
m.compile(loss="binary_crossentropy", metrics=[keras.metrics.AUC(multi_label=True)])
m.fit(x, y, class_weight={0: 1.0, 1: 2.0}) # HS205
best = np.argmax(m.predict(x_test), axis=1) # HS403
""",
    "one of several classes each, ranked by a metric": """
m = Sequential([layers.Dense(6, activation="softmax")])
m.compile(loss="categorical_crossentropy", metrics=[keras.metrics.AUC(multi_label=True)])
m.fit(x, y, class_weight={0: 1.0, 1: 2.0})
best = np.argmax(m.predict(x_test), axis=1)
""",
    "as many columns as a binarizer finds": """
from sklearn.preprocessing import MultiLabelBinarizer
y = MultiLabelBinarizer().fit_transform(genres)
m = Sequential([layers.Dense(len(y[0]), activation="sigmoid")])
m.compile(loss="binary_crossentropy", metrics=["acc"]) # HS305
m.fit(x, y)
""",
    "own losses of other outputs": """
def squashed(y, z):
    return K.binary_crossentropy(y, K.sigmoid(z))
def told(y, z):
    hot = tf.one_hot(tf.cast(y[:, 0], tf.int32), 3)
    return tf.nn.softmax_cross_entropy_with_logits(labels=hot, logits=z)
m = Sequential([layers.Dense(1)])
m.compile(loss=squashed)
y = np.array([0, 1, 2, 0, 1, 2])
n = Sequential([layers.Dense(3)])
n.compile(loss=told)
n.fit(x, y)
""",
    "the step of a sequence": """
m = Sequential([layers.LSTM(8, return_sequences=True), layers.Dense(1, activation="sigmoid")])
m.compile(loss="binary_crossentropy")
when = np.argmax(m.predict(x_test), axis=1)
where = np.argmax(m.predict(x_test)[0])
what = np.argmax(m.predict(x_test), axis=-1) # HS401
""",
    "labels of a table against outputs by hand": """
d = pd.read_csv("houses.csv")
price = d["price"].values.astype("float32")
m = Sequential([layers.Dense(1)])
for _ in range(900):
    rows = np.random.randint(0, 500, 32)
    error = price[rows] - m(x[rows]) # HS203
    right = price[rows, None] - m(x[rows])
""",
    "an own loss that is called by the program": """
def squares(y_true, y_pred):
    return tf.reduce_mean((y_true - y_pred) ** 2) # HS203
data = np.loadtxt("wells.txt")
depth = data[:, 3]
m = Sequential([layers.Dense(8, "relu"), layers.Dense(1)])
flow = tf.data.Dataset.from_tensor_slices((data[:, :3], depth)).batch(16)
for xb, yb in flow:
    loss = squares(yb, m(xb))
""",
    "decisions that are compared with labels in a row": """
y = (x[:, 0] > 2).astype(int)
t = np.array([0, 1, 0, 1, 1])
m = Sequential([layers.Dense(1, activation="sigmoid")])
print(np.mean((m.predict(x_test) > 0.5) == t)) # HS203
print(np.mean((m.predict(x_test) > 0.5)[:, 0] == t))
print(np.mean((m.predict(x_test) > 0.5).reshape(-1) == t))
print(np.mean((m.predict(x_test) > 0.5).ravel() == t))
print(np.mean((m.predict(x_test) > 0.5) == t[:, None]))
""",
    "one row, one number, labels in a column": """
y = np.loadtxt("y.txt", delimiter=",")[:, 0]
m = Sequential([layers.Dense(1)])
for i in range(len(y)):
    one = y[i] - m.predict(x[i:i + 1])
for k in chosen:
    one = y[k] - m.predict(np.array([x[k]]))
shift = m.predict(x_test) - np.array([0.5])
noise = m.predict(x_test) * np.random.rand(1)
y.shape = (-1, 1)
all_rows = y - m.predict(x_test)
""",
    "divergence of a table's column": """
share = pd.read_csv("votes.csv")["share"].to_numpy()
m = Sequential([layers.Dense(1, activation="sigmoid")])
gap = keras.losses.kl_divergence(share, m.predict(x_test)) # HS203
gap = keras.losses.kl_divergence(share[:, None], m.predict(x_test))
""",
    "targets of 0 and 1 as numbers": """
y = np.array([[0.], [1.], [1.], [0.]])
m = Sequential([layers.Dense(4, "tanh"), layers.Dense(1)])
m.compile(loss="mse", metrics=["accuracy"]) # HS108
m.fit(x, y)
""",
    "a number that is cut at one half is none": """
m = Sequential([layers.Dense(1)])
m.compile(loss="mse", metrics=["accuracy"])
yes = m.predict(x_test) > 0.5
n = Sequential([layers.Dense(1)])
n.compile(loss="mse", metrics=["accuracy", keras.metrics.Precision()])
k = Sequential([layers.Dense(1)])
k.compile(loss="mse", metrics=["accuracy"]) # HS301
""",
    "windows that overlap in random order": """
WIN, HOP = 256, 64
rows = []
for at in range(0, len(signal) - WIN, HOP):
    rows.append(signal[at:at + WIN])
rows = np.array(rows)
places = np.random.permutation(len(rows)) # HS503
k = len(rows) // 5
x_val, x_train = rows[places[:k]], rows[places[k:]]
""",
    "windows by comprehension, half a window apart": """
def cut(signal, win):
    return np.stack([signal[s:s + win] for s in range(0, len(signal) - win, win // 2)])
from sklearn.model_selection import train_test_split
w = cut(signal, width)
a, b, c, d = train_test_split(w, y, test_size=0.2) # HS503
e, f, g, h = train_test_split(w, y, test_size=0.2, shuffle=False)
""",
    "windows of a series up to a step": """
from sklearn.model_selection import train_test_split
X, y = [], []
for i in range(30, len(series)):
    X.append(series[i - 30:i])
    y.append(series[i])
X, y = np.array(X), np.array(y)
a, b, c, d = train_test_split(X, y) # HS503
""",
    "windows side by side, and in the order of time": """
from sklearn.model_selection import train_test_split
side = np.array([signal[s:s + 128] for s in range(0, len(signal), 128)])
a, b = train_test_split(side)
bars = np.array([signal[k * 50:k * 50 + 50] for k in range(len(signal) // 50)])
a, b = train_test_split(bars)
over = np.array([signal[s:s + 128] for s in range(0, len(signal), 16)])
k = len(over) // 2
a, b = over[:k], over[k:]
order = np.random.permutation(len(a))
batch = a[order[:32]]
""",
    "masks as they are read, beside images that are scaled": """
import cv2
from tensorflow.keras.preprocessing.image import load_img, img_to_array
def read(names):
    pictures, masks = [], []
    for name in names:
        pictures.append(img_to_array(load_img(name)) / 255)
        masks.append(img_to_array(load_img(name + ".mask", color_mode="grayscale")))
    return np.array(pictures), np.array(masks)
a, b = read(files)
m = Sequential([layers.Conv2D(1, 1, activation="sigmoid")])
m.compile(loss="binary_crossentropy") # HS202
m.fit(a, b)
""",
    "masks that fill an array": """
import cv2
X = np.zeros((90, 64, 64, 3), dtype="float32")
Y = np.zeros((90, 64, 64, 1), dtype="float32")
for k, name in enumerate(names):
    X[k] = cv2.resize(cv2.imread(name), (64, 64)) / 255.0
    Y[k] = cv2.imread(name.replace("img", "mask"), 0)[..., None]
m = Sequential([layers.Conv2D(1, 1, activation="sigmoid")])
m.compile(loss="binary_crossentropy") # HS202
m.fit(X, Y)
""",
    "masks that are made 0 and 255": """
import cv2
white = np.where(depth > 3, 255, 0)
m = Sequential([layers.Conv2D(1, 1, activation="sigmoid")])
m.compile(loss="binary_crossentropy") # HS202
m.fit(x, white)
_, drawn = cv2.threshold(grey, 127, 255, cv2.THRESH_BINARY)
n = Sequential([layers.Conv2D(1, 1, activation="sigmoid")])
n.compile(loss="binary_crossentropy")
n.fit(x, drawn / 255)
k = Sequential([layers.Conv2D(1, 1, activation="sigmoid")])
k.compile(loss="binary_crossentropy") # HS202
k.fit(x, (depth > 3) * 255)
""",
    "masks that are scaled, cut or of classes": """
import cv2
pictures = np.array([cv2.imread(p) for p in names]) / 255.0
masks = np.array([cv2.imread(p, 0) for p in others])
m = Sequential([layers.Conv2D(1, 1, activation="sigmoid")])
m.compile(loss="binary_crossentropy")
m.fit(pictures, masks / 255)
m.fit(pictures, masks > 0)
m.fit(pictures, masks.astype(bool))
m.fit(pictures, masks // 255)
m.fit(np.array([cv2.imread(p) for p in names]), masks)
Y = np.zeros((9, 64, 64, 1), dtype=bool)
Y[0] = masks[0]
m.fit(pictures, Y)
n = Sequential([layers.Conv2D(3, 1, activation="softmax")])
n.compile(loss="sparse_categorical_crossentropy")
n.fit(pictures, masks)
masks[masks > 0] = 1
m.fit(pictures, masks)
""",
    "several words of a text under softmax": """
d = pd.read_csv("reports.csv")
WORDS = ["mass", "edema", "nodule"]
for word in WORDS:
    d[word] = d["text"].str.contains(word, case=False).astype(int)
m = Sequential([layers.Dense(3, activation="softmax")]) # HS204
m.compile(loss="categorical_crossentropy")
m.fit(x, d[WORDS].to_numpy())
tags = d["tags"].str.get_dummies(sep="|").values
n = Sequential([layers.Dense(5, activation="softmax")]) # HS204
n.compile(loss="categorical_crossentropy")
n.fit(x, tags)
""",
    "columns of which nothing is known": """
d = pd.read_csv("leaves.csv")
m = Sequential([layers.Dense(3, activation="softmax")])
m.compile(loss="categorical_crossentropy")
m.fit(x, d[["healthy", "rust", "scab"]].values)
""",
    "each row's first column as the answer": """
m = Sequential([layers.Dense(2, activation="softmax")])
m.compile(loss="sparse_categorical_crossentropy")
alarms = [1 if p[0] >= 0.5 else 0 for p in m.predict(x_test)] # HS405
calm = [1 if p[1] >= 0.5 else 0 for p in m.predict(x_test)]
names = ["no" if p[0] >= 0.5 else "yes" for p in m.predict(x_test)]
classes = [0 if p[0] >= 0.5 else 1 for p in m.predict(x_test)]
""",
    "class 0 on purpose": """
from sklearn.metrics import roc_auc_score, f1_score, roc_curve
m = Sequential([layers.Dense(2, activation="softmax")])
m.compile(loss="sparse_categorical_crossentropy")
p = m.predict(x_test)
a = roc_auc_score(y_test == 0, p[:, 0])
b = roc_auc_score(1 - y_test, p[:, 0])
c = f1_score(y_test, p[:, 0] > 0.5, pos_label=0)
d = roc_curve(y_test, p[:, 0], pos_label=0)
e = roc_auc_score(y_test, p[:, 0]) # HS405
f = roc_auc_score((y_test == 0).astype(int), p[:, 0])
g = roc_auc_score(one_hot[:, 0], p[:, 0])
""",
    "sums of rows against outputs": """
X = np.random.rand(500, 5)
y = (X.sum(axis=1) > 2.5).astype("float32")
m = Sequential([layers.Dense(1, activation="sigmoid")])
p = m(X)
cross = -tf.reduce_mean(y * tf.math.log(p))
wrong = tf.reduce_mean(tf.abs(p - y)) # HS203
also = tf.math.squared_difference(y, p) # HS203
right = tf.reduce_mean(tf.abs(p[:, 0] - y))
""",
    "windows that are shuffled in place, or by folds": """
from sklearn.model_selection import KFold, StratifiedKFold
cuts = np.stack([wave[s:s + 100] for s in np.arange(0, 10000, 20)])
places = np.arange(len(cuts))
np.random.shuffle(places) # HS503
tr, te = cuts[places[:100]], cuts[places[100:]]
for a, b in KFold(5, shuffle=True).split(cuts): # HS503
    pass
for a, b in KFold(5).split(cuts):
    pass
""",
    "rows of people in random order": """
d = pd.read_csv("beats.csv")
patient_id = d["patient_id"].values
X = d.drop(columns=["patient_id"]).values
order = np.random.default_rng(1).permutation(len(X)) # HS503
k = int(0.8 * len(X))
train, test = X[order[:k]], X[order[k:]]
""",
    "people in random order": """
d = pd.read_csv("beats.csv")
people = d["patient_id"].unique()
order = np.random.permutation(len(people))
train, test = people[order[:9]], people[order[9:]]
some = np.random.permutation(len(d))[:50]
""",
    "activations by functools.partial": """
steep = partial(tf.nn.leaky_relu, alpha=0.3)
m = Sequential([layers.Dense(1, activation=steep)]) # HS104
m.compile(loss="binary_crossentropy")
n = Sequential([layers.Dense(1, activation=partial(keras.activations.softmax, axis=-1))]) # HS101
n.compile(loss="mse")
k = Sequential([layers.Dense(1, activation=partial(tf.nn.softmax, axis=1))])
k.compile(loss="mse")
""",
    "a class of losses that is called, with rows weighed by their label": """
class Weighed:
    def __init__(self, weight):
        self.weight = weight
    def __call__(self, y, p):
        ce = tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=tf.cast(p, tf.float32))
        return tf.reduce_sum(tf.where(y > 0, self.weight * ce, ce))
m = Sequential([layers.Dense(1, activation="sigmoid")])
m.compile(loss=Weighed(4.0)) # HS105
n = Sequential([layers.Dense(1)])
n.compile(loss=Weighed(4.0))
""",
}


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_what_is_marked_is_found_and_nothing_else(text: str) -> None:
    assert found(HEAD + text) == marked(HEAD + text)


def test_units_to_spare_are_a_note_that_says_that_it_trains() -> None:
    (one,) = audited("""
        from tensorflow import keras
        (x, y), _ = keras.datasets.mnist.load_data()
        m = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(12, "softmax")])
        m.compile(loss="sparse_categorical_crossentropy")
        m.fit(x, y)
    """).findings
    assert (one.rule.id, one.rule.severity) == ("HS107", "note")
    assert one.message == (
        "the last layer has 12 units, and there are 10 classes (keras.datasets.mnist): it trains, and the "
        "columns beyond are wasted: they are never the answer"
    )


def test_a_file_with_null_bytes_is_told_without_a_line() -> None:
    assert audited("x = 1\0").error == "is not Python 3: source code string cannot contain null bytes"
