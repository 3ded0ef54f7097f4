"""Each rule, on programs that break it and on those that look alike and do not."""

import pytest

from audit.rules import RULES
from tests.audit.reading import found, marked

HEAD = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers, losses
from sklearn.datasets import *
"""
WRONG = {
    "HS101 conv": "layers.Conv2D(1, 1, activation='softmax')  # HS101",
    "HS101 function": """
x = keras.Input((4,))
out = tf.nn.softmax(layers.Dense(1)(x))  # HS101
keras.Model(x, out).compile(loss='mse')
""",
    "HS101 softmax layer": """
m = keras.Sequential([layers.Dense(1), layers.Softmax()])  # HS101
m.compile(loss='mse')
""",
    "HS102 object": """
m = keras.Sequential([layers.Dense(4, activation='sigmoid')])
m.compile(loss=losses.CategoricalCrossentropy())  # HS102
""",
    "HS102 sparse": """
m = keras.Sequential([layers.Dense(4, activation='sigmoid')])  # HS102
m.compile(loss='sparse_categorical_crossentropy')
""",
    "HS103 function": """
m = keras.Sequential([layers.Dense(3, activation='softmax')])
m.compile(loss=keras.losses.binary_crossentropy)  # HS103
""",
    "HS103 focal": """
m = keras.Sequential([layers.Dense(3, activation='softmax')])
m.compile(loss=losses.BinaryFocalCrossentropy())  # HS103
""",
    "HS104 relu": """
m = keras.Sequential([layers.Dense(1, activation='relu')])  # HS104
m.compile(loss='binary_crossentropy')
""",
    "HS104 relu columns": """
m = keras.Sequential()
m.add(layers.Dense(10))
m.add(layers.ReLU())  # HS104
m.compile(loss='sparse_categorical_crossentropy')
""",
    "HS104 lstm": """
m = keras.Sequential([layers.LSTM(1)])  # HS104
m.compile(loss='binary_crossentropy')
""",
    "HS105 sigmoid": """
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss=losses.BinaryCrossentropy(from_logits=True))  # HS105
""",
    "HS105 softmax": """
m = keras.Sequential([layers.Dense(10, activation='softmax')])
loss = losses.SparseCategoricalCrossentropy(from_logits=True)  # HS105
m.compile(loss=loss)
""",
    "HS106 one": """
m = keras.Sequential([layers.Dense(1)])  # HS106
m.compile(loss='binary_crossentropy')
""",
    "HS106 many": """
m = keras.Sequential([layers.Flatten(), layers.Dense(10)])  # HS106
m.compile(loss='sparse_categorical_crossentropy')
""",
    "HS107 too few": """
(x, y), _ = keras.datasets.mnist.load_data()
m = keras.Sequential([layers.Dense(9, activation='softmax')])  # HS107
m.compile(loss='sparse_categorical_crossentropy')
m.fit(x, y)
""",
    "HS107 one-hot": """
(x, y), _ = keras.datasets.cifar10.load_data()
y = keras.utils.to_categorical(y)
m = keras.Sequential([layers.Dense(100, activation='softmax')])  # HS107
m.compile(loss='categorical_crossentropy')
m.fit(x, y)
""",
    "HS107 one unit": """
x, y = load_iris(return_X_y=True)
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])  # HS107
m.compile(loss='binary_crossentropy')
m.fit(x, y)
""",
    "HS107 one-hot and one unit": """
x, y = load_breast_cancer(return_X_y=True)
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])  # HS107
m.compile(loss='binary_crossentropy')
m.fit(x, keras.utils.to_categorical(y))
""",
    "HS108 linear": """
x, y = make_moons(n_samples=300)
m = keras.Sequential([layers.Dense(1)])
m.compile(loss='mse', metrics=['accuracy'])  # HS108
m.fit(x, y)
""",
    "HS108 number of a class": """
x, y = load_wine(return_X_y=True)
m = keras.Sequential([layers.Dense(1)])
m.compile(loss='mse')  # HS108
m.fit(x, y)
""",
    "HS109 twice": """
m = keras.Sequential()
m.add(layers.Dense(10, activation='softmax'))
m.add(layers.Activation('softmax'))  # HS109
m.compile(loss='categorical_crossentropy')
""",
    "HS109 relu": """
x = keras.Input((4,))
h = layers.Dense(10, activation='relu')(x)
m = keras.Model(x, layers.Softmax()(h))  # HS109
m.compile(loss='sparse_categorical_crossentropy')
""",
    "HS110 round": """
x = keras.Input((4,))
p = layers.Dense(1, activation='sigmoid')(x)
m = keras.Model(x, tf.round(p))  # HS110
m.compile(loss='mse')
""",
    "HS110 lambda": """
from keras import backend as K
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.add(layers.Lambda(lambda t: K.round(t)))  # HS110
m.compile(loss='binary_crossentropy')
""",
    "HS110 comparison": """
x = keras.Input((4,))
p = layers.Dense(1, activation='sigmoid')(x)
m = keras.Model(x, tf.cast(p > 0.5, tf.float32))  # HS110
m.compile(loss='binary_crossentropy')
""",
    "HS111 sigmoid": """
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])  # HS111
m.compile(loss='hinge')
""",
    "HS111 softmax": """
m = keras.Sequential([layers.Dense(4, activation='softmax')])  # HS111
m.compile(loss='categorical_hinge')
""",
    "HS112": """
m = keras.Sequential([layers.Dense(4)])
m.compile(loss='squared_hinge')  # HS112
""",
    "HS113": """
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(optimizer='adam', loss='accuracy')  # HS113
""",
    "HS201 integers": """
(x, y), (xt, yt) = keras.datasets.cifar10.load_data()
m = keras.Sequential([layers.Dense(10, activation='softmax')])
m.compile(loss='categorical_crossentropy')  # HS201
m.fit(x, y)
""",
    "HS201 one-hot": """
y = tf.one_hot(labels, 5)
m = keras.Sequential([layers.Dense(5, activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')  # HS201
m.fit(x, y)
""",
    "HS201 folder": """
train = keras.utils.image_dataset_from_directory('photos').map(lambda x, y: (x / 255., y)).prefetch(2)
m = keras.Sequential([layers.Dense(5, activation='softmax')])
m.compile(loss='categorical_crossentropy')  # HS201
m.fit(train, epochs=3)
""",
    "HS201 generator": """
from keras.preprocessing.image import ImageDataGenerator
train = ImageDataGenerator(rescale=1./255).flow_from_directory('photos', class_mode='categorical')
m = keras.Sequential([layers.Dense(5, activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')  # HS201
m.fit_generator(train, steps_per_epoch=100)
""",
    "HS202 signed": """
y = np.where(t == 'seizure', 1, -1)
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss='binary_crossentropy')  # HS202
m.fit(x, y)
""",
    "HS202 arithmetic": """
x, y = make_moons()
y = 2 * y - 1
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss='binary_crossentropy')  # HS202
m.fit(x, y)
""",
    "HS202 reals": """
(x, y), _ = keras.datasets.boston_housing.load_data()
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])  # HS202
m.compile(loss='mse')
m.fit(x, y)
""",
    "HS203": """
y = np.array([0, 1, 1, 0, 1])
m = keras.Sequential([layers.Dense(1)])
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(keras.losses.hinge(y, m(x)))  # HS203
""",
    "HS204": """
x, y = make_multilabel_classification(n_classes=6)
m = keras.Sequential([layers.Dense(6, activation='softmax')])  # HS204
m.compile(loss='categorical_crossentropy')
m.fit(x, y)
""",
    "HS205 beyond": """
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(x, y, class_weight={1: 1.0, 2: 9.0})  # HS205
""",
    "HS205 labels": """
x, y = make_multilabel_classification(n_classes=3)
m = keras.Sequential([layers.Dense(3, activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(x, y, class_weight={0: 1.0, 1: 9.0, 2: 3.0})  # HS205
""",
    "HS302 auc": """
m = keras.Sequential([layers.Dense(2, activation='softmax')])
m.compile(loss='categorical_crossentropy', metrics=[keras.metrics.AUC(name='auc')])  # HS302
""",
    "HS303": """
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss='binary_crossentropy', metrics=[keras.metrics.F1Score()])  # HS303
""",
    "HS303 labels": """
m = keras.Sequential([layers.Dense(8, activation='sigmoid')])
m.compile(loss='binary_crossentropy', metrics=[keras.metrics.F1Score(average='macro')])  # HS303
""",
    "HS304": """
auc = keras.metrics.AUC()
for units in (32, 64):
    m = keras.Sequential([layers.Dense(units), layers.Dense(1, activation='sigmoid')])
    m.compile(loss='binary_crossentropy', metrics=[auc])  # HS304
""",
    "HS305 logits": """
m = keras.Sequential([layers.Dense(1)])
m.compile(loss=losses.BinaryCrossentropy(from_logits=True), metrics=['accuracy'])  # HS305
""",
    "HS305 one column": """
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss='binary_crossentropy', metrics=['categorical_accuracy'])  # HS305
""",
    "HS305 softmax": """
m = keras.Sequential([layers.Dense(3, activation='softmax')])
m.compile(loss='categorical_crossentropy', metrics=['binary_accuracy'])  # HS305
""",
    "HS402": """
m = keras.Sequential([layers.Dense(3, activation='softmax')])
m.compile(loss='categorical_crossentropy')
print(np.argmax(m.predict(X_test)) == y_test)  # HS402
""",
    "HS403 predict_classes": """
x, y = make_multilabel_classification(n_classes=6)
m = keras.Sequential([layers.Dense(6, activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(x, y)
m.predict_classes(x)  # HS403
""",
    "HS404 margin": """
m = keras.Sequential([layers.Dense(1)])
m.compile(loss='hinge')
labels = m.predict(x) >= 0.5  # HS404
""",
    "HS405 score": """
from sklearn.metrics import roc_auc_score
m = keras.Sequential([layers.Dense(2, activation='softmax')])
m.compile(loss='categorical_crossentropy')
p = m.predict(x)
print(roc_auc_score(y, p[:, 0]))  # HS405
""",
    "HS405 cut": """
m = keras.Sequential([layers.Dense(2, activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
labels = (m.predict(x)[:, 0] > 0.5).astype('int32')  # HS405
""",
    "HS501 curve": """
from sklearn.metrics import roc_curve, f1_score
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p = m.predict(X_test)
fpr, tpr, thresholds = roc_curve(y_test, p)  # HS501
best = thresholds[np.argmax(tpr - fpr)]
print(f1_score(y_test, p > best))
""",
    "HS501 loop": """
from sklearn.metrics import f1_score
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p = m.predict(X_test)
scores = []
for t in np.arange(0, 1, 0.01):
    scores.append(f1_score(y_test, p > t))  # HS501
print(max(scores))
""",
    "HS501 comprehension": """
from sklearn.metrics import f1_score
m = keras.Sequential([layers.Dense(1, activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p = m.predict(X_test)
cuts = np.linspace(0, 1, 101)
scores = [f1_score(y_test, (p > t).astype(int)) for t in cuts]  # HS501
best = cuts[np.argmax(scores)]
""",
    "HS502 before": """
from sklearn.preprocessing import MinMaxScaler
from sklearn.model_selection import train_test_split
scaler = MinMaxScaler()
X = scaler.fit_transform(df.drop('y', axis=1))  # HS502
X_train, X_test, y_train, y_test = train_test_split(X, df['y'])
""",
    "HS502 fit": """
from sklearn.preprocessing import StandardScaler
from sklearn.model_selection import train_test_split
scaler = StandardScaler().fit(X)  # HS502
X_train, X_test, y_train, y_test = train_test_split(X, y)
X_train = scaler.transform(X_train)
""",
    "HS502 test rows": """
from sklearn.preprocessing import StandardScaler
scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_test = scaler.fit_transform(X_test)  # HS502
""",
    "HS502 resampled": """
from imblearn.over_sampling import SMOTE
from sklearn.model_selection import train_test_split
X_res, y_res = SMOTE(random_state=1).fit_resample(X, y)  # HS502
X_train, X_test, y_train, y_test = train_test_split(X_res, y_res)
""",
    "HS502 by hand": """
from sklearn.model_selection import train_test_split
X = (X - X.mean(axis=0)) / X.std(axis=0)  # HS502
X_train, X_test, y_train, y_test = train_test_split(X, y)
""",
    "HS503 column": """
from sklearn.model_selection import train_test_split
import pandas as pd
df = pd.read_csv('windows.csv')
groups = df['patient_id']
train, test = train_test_split(df, test_size=.2)  # HS503
""",
    "HS503 folds": """
from sklearn.model_selection import StratifiedKFold
subjects = np.load('subjects.npy')
for train, test in StratifiedKFold(5).split(X, y):  # HS503
    pass
""",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_broken_rule_is_found_at_its_line(name):
    text = HEAD + WRONG[name]
    rules = {rule for _, rule in marked(text)}
    assert name[:5] in rules
    assert found(text) == marked(text)


def test_every_rule_of_programs_has_a_program_that_breaks_it():
    from tests.audit.test_mistakes_people_made import MISTAKES

    broken = {rule for text in (*WRONG.values(), *MISTAKES.values()) for _, rule in marked(text)}
    assert broken == {rule for rule in RULES if not rule.startswith("HS9")}
