"""Programs that are right, many of them unusual: none of them has a finding."""

import pytest

from tests.audit.reading import audited

HEAD = """
import numpy as np
import pandas as pd
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers, losses, Model, Sequential
from sklearn.datasets import *
from sklearn.model_selection import train_test_split, GroupKFold, GroupShuffleSplit
from sklearn.preprocessing import *
from sklearn.metrics import *
"""
RIGHT = {
    "sigmoid, cut at 0.5": """
m = Sequential([layers.Dense(8, activation='relu'), layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy', metrics=['accuracy', keras.metrics.AUC(), keras.metrics.Precision()])
m.fit(x_train, y_train, class_weight={0: 1., 1: 20.})
labels = (m.predict(x_test) > 0.5).astype('int32')
print(confusion_matrix(y_test, labels), roc_auc_score(y_test, m.predict(x_test)[:, 0]))
""",
    "rounded probabilities": """
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
labels = np.round(m.predict(x_test)).flatten()
""",
    "softmax over classes": """
(x, y), (xt, yt) = keras.datasets.mnist.load_data()
m = Sequential([layers.Flatten(), layers.Dense(10, activation='softmax')])
m.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy', 'sparse_categorical_accuracy'])
m.fit(x / 255., y, epochs=2)
labels = np.argmax(m.predict(xt), axis=1)
first = np.argmax(m.predict(xt)[0])
one = np.argmax(m.predict(np.expand_dims(xt[0], 0)))
""",
    "one-hot softmax": """
(x, y), (xt, yt) = keras.datasets.cifar10.load_data()
y, yt = keras.utils.to_categorical(y), keras.utils.to_categorical(yt, 10)
m = Sequential([layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(10, activation='softmax')])
m.compile(loss=losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=['categorical_accuracy'])
m.fit(x, y, validation_data=(xt, yt))
labels = m.predict(xt).argmax(axis=-1)
truth = np.argmax(yt, axis=1)
""",
    "two softmax columns": """
m = Sequential([layers.Dense(2, activation='softmax')])
m.compile('adam', 'categorical_crossentropy', metrics=['accuracy', keras.metrics.Precision(class_id=1)])
p = m.predict(x_test)
print(roc_auc_score(y_test, p[:, 1]), (p[:, 1] > 0.3).astype(int), 1 - p[:, 0])
if m.predict(image)[0][0] > 0.5:
    print('cat')
""",
    "logits told so": """
m = Sequential([layers.Dense(10)])
m.compile('adam', losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
m.fit(x, y)
probability = tf.nn.softmax(m.predict(x_test))
labels = np.argmax(m.predict(x_test), axis=1)
served = Sequential([m, layers.Softmax()])
served.predict(x_test)
""",
    "one logit told so": """
m = Sequential([layers.Dense(1)])
loss = losses.BinaryCrossentropy(from_logits=True)
m.compile('adam', loss, metrics=[keras.metrics.BinaryAccuracy(threshold=0.0),
                                 keras.metrics.AUC(from_logits=True)])
labels = m.predict(x_test) > 0
p = tf.sigmoid(m.predict(x_test)).numpy()
also = (p > 0.5).astype(int)
""",
    "several labels": """
x, y = make_multilabel_classification(n_classes=6)
m = Sequential([layers.Dense(6, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy', metrics=['binary_accuracy', keras.metrics.AUC(multi_label=True),
    keras.metrics.F1Score(threshold=0.5)])
m.fit(x, y)
labels = (m.predict(x) >= 0.5).astype(int)
""",
    "one against rest": """
y = keras.utils.to_categorical(labels, 5)
m = Sequential([layers.Dense(5, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
m.fit(x, y)
best = np.argmax(m.predict(x_test), axis=1)
""",
    "a number": """
(x, y), _ = keras.datasets.boston_housing.load_data()
m = Sequential([layers.Dense(64, activation='relu'), layers.Dense(1)])
m.compile('rmsprop', 'mse', metrics=['mae'])
m.fit(x, y)
print(np.argmax(m.predict(candidates)))
""",
    "a rate": """
m = Sequential([layers.Dense(1, activation='exponential')])
m.compile('adam', 'poisson')
""",
    "a number from an LSTM": """
m = Sequential([layers.LSTM(50, return_sequences=True), layers.LSTM(1)])
m.compile('adam', 'mse')
""",
    "steps as numbers": """
y = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
m = Sequential([layers.Dense(1)])
m.compile('sgd', 'mean_squared_error')
m.fit(x, y, epochs=500)
""",
    "a number between 0 and 1": """
y = np.random.rand(100, 1)
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'mse')
m.fit(x, y)
""",
    "soft labels": """
y = np.random.random((100, 1))
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
m.fit(x, y)
""",
    "brier": """
x, y = make_moons()
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'mse', metrics=['accuracy'])
m.fit(x, y)
""",
    "autoencoder, sigmoid": """
(x, _), (xt, _) = keras.datasets.mnist.load_data()
i = keras.Input((784,))
code = layers.Dense(32, activation='relu')(i)
out = layers.Dense(784, activation='sigmoid')(code)
auto = Model(i, out)
auto.compile('adam', 'binary_crossentropy')
auto.fit(x, x)
""",
    "autoencoder, linear": """
i = keras.Input((28, 28, 1))
h = layers.Conv2D(8, 3, activation='relu', padding='same')(i)
out = layers.Conv2D(1, 3, padding='same')(h)
auto = Model(i, out)
auto.compile('adam', loss='mse')
auto.fit(x_train, x_train)
noise = auto.predict(x_test)
""",
    "tanh generator": """
def generator():
    m = Sequential()
    m.add(layers.Dense(128))
    m.add(layers.LeakyReLU(0.2))
    m.add(layers.Dense(784, activation='tanh'))
    return m
def discriminator():
    m = Sequential([layers.Dense(128), layers.LeakyReLU(0.2), layers.Dense(1, activation='sigmoid')])
    m.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
    return m
d, g = discriminator(), generator()
d.trainable = False
z = keras.Input((100,))
gan = Model(z, d(g(z)))
gan.compile(loss='binary_crossentropy', optimizer='adam')
for step in range(1000):
    d.train_on_batch(real, np.ones((32, 1)))
    d.train_on_batch(g.predict(noise), np.zeros((32, 1)))
    gan.train_on_batch(noise, np.ones((32, 1)))
""",
    "wasserstein": """
critic = Sequential([layers.Dense(1)])
critic.compile('rmsprop', loss=lambda y, p: tf.reduce_mean(y * p))
""",
    "margins": """
y = np.where(t > 0, 1, -1)
m = Sequential([layers.Dense(1)])
m.compile('adam', 'hinge')
m.fit(x, y)
labels = np.where(m.predict(x) > 0, 1, -1)
""",
    "margins of classes": """
x, y = load_iris(return_X_y=True)
m = Sequential([layers.Dense(3)])
m.compile('adam', loss='categorical_hinge')
m.fit(x, keras.utils.to_categorical(y))
""",
    "segmentation": """
i = keras.Input((128, 128, 3))
x = layers.Conv2D(16, 3, activation='relu', padding='same')(i)
o = layers.Conv2D(1, 1, activation='sigmoid')(x)
m = Model(i, o)
m.compile('adam', 'binary_crossentropy', metrics=['accuracy'])
mask = (m.predict(test_images) > 0.5).astype(np.uint8)
""",
    "segmentation of classes": """
i = keras.Input((128, 128, 3))
x = layers.Conv2DTranspose(3, 3, padding='same')(i)
m = Model(i, x)
m.compile('adam', tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
mask = tf.argmax(m.predict(test_images), axis=-1)
""",
    "attention inside": """
i = keras.Input((20, 64))
score = layers.Dense(1, activation='tanh')(i)
weights = layers.Softmax(axis=1)(score)
context = layers.Lambda(lambda t: tf.reduce_sum(t[0] * t[1], axis=1))([i, weights])
out = layers.Dense(1, activation='sigmoid')(context)
m = Model(i, out)
m.compile('adam', 'binary_crossentropy')
""",
    "softmax inside": """
i = keras.Input((64,))
gate = layers.Dense(4, activation='softmax')(i)
experts = layers.Dense(4)(i)
mixed = layers.Dot(axes=1)([gate, experts])
m = Model(i, mixed)
m.compile('adam', 'mse')
""",
    "transfer learning": """
base = keras.applications.MobileNetV2(include_top=False, weights='imagenet', pooling='avg')
base.trainable = False
i = keras.Input((224, 224, 3))
x = base(i, training=False)
out = layers.Dense(1, activation='sigmoid')(layers.Dropout(.2)(x))
m = Model(i, out)
m.compile('adam', 'binary_crossentropy')
""",
    "a whole network of others": """
m = keras.applications.ResNet50(weights='imagenet')
m.compile('adam', 'sparse_categorical_crossentropy')
p = m.predict(np.expand_dims(image, axis=0))
print(np.argmax(p))
""",
    "several outputs": """
i = keras.Input((64,))
h = layers.Dense(64, activation='relu')(i)
age = layers.Dense(1, name='age')(h)
sex = layers.Dense(1, activation='sigmoid', name='sex')(h)
kind = layers.Dense(4, activation='softmax', name='kind')(h)
m = Model(i, [age, sex, kind])
m.compile('adam', loss={'age': 'mse', 'sex': 'binary_crossentropy',
                        'kind': 'sparse_categorical_crossentropy'},
          metrics={'age': ['mae'], 'sex': ['accuracy'], 'kind': ['accuracy']})
ages, sexes, kinds = m.predict(x_test)
print((sexes > 0.5).astype(int), np.argmax(kinds, axis=1))
""",
    "outputs in a list": """
i = keras.Input((64,))
m = Model(i, [layers.Dense(1)(i), layers.Dense(1, activation='sigmoid')(i)])
m.compile('adam', loss=['mae', 'binary_crossentropy'], loss_weights=[1., .2])
""",
    "ordinal": """
x, y = load_wine(return_X_y=True)
levels = np.stack([y > 0, y > 1], axis=1).astype(int)
m = Sequential([layers.Dense(2, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
m.fit(x, levels)
grade = (m.predict(x) > 0.5).sum(axis=1)
""",
    "subclassed": """
class Net(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.hidden = layers.Dense(32, activation='relu')
        self.out = layers.Dense(classes)
    def call(self, x, training=False):
        return self.out(self.hidden(x))
m = Net(7)
m.compile('adam', losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
""",
    "own training loop": """
m = Sequential([layers.Dense(10)])
loss_fn = losses.SparseCategoricalCrossentropy(from_logits=True)
for x, y in dataset:
    with tf.GradientTape() as tape:
        logits = m(x, training=True)
        loss = loss_fn(y, logits)
    grads = tape.gradient(loss, m.trainable_weights)
    accuracy = tf.reduce_mean(tf.cast(tf.argmax(logits, axis=1) == y, tf.float32))
""",
    "own loop with a function": """
m = Sequential([layers.Dense(1)])
y = np.array([0, 1, 1, 0])
loss = keras.losses.hinge(y[:, None], m(x))
""",
    "a head for two or more": """
def build(classes, width=64):
    if classes == 2:
        units, activation, loss = 1, 'sigmoid', 'binary_crossentropy'
    else:
        units, activation, loss = classes, 'softmax', 'sparse_categorical_crossentropy'
    m = Sequential([layers.Dense(width, activation='relu'), layers.Dense(units, activation=activation)])
    m.compile('adam', loss=loss, metrics=['accuracy'])
    return m
binary, several = build(2), build(10)
def make(classes):
    return build(classes)
""",
    "an activation by a condition": """
def build(classes):
    m = Sequential()
    m.add(layers.Dense(classes if classes > 2 else 1, activation='softmax' if classes > 2 else 'sigmoid'))
    m.compile('adam', 'categorical_crossentropy' if classes > 2 else 'binary_crossentropy')
    return m
""",
    "what cannot be known": """
activation = input()
units = int(input())
m = Sequential([layers.Dense(units, activation=activation)])
m.compile('adam', loss=config['loss'])
m.fit(x, y)
print(np.argmax(m.predict(x_test), axis=1))
""",
    "old spellings": """
from keras.layers.core import Dense, Dropout, Activation, Flatten
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.utils import np_utils
Y_train = np_utils.to_categorical(y_train, nb_classes)
model = keras.models.Sequential()
model.add(Convolution2D(32, 3, 3, border_mode='valid', input_shape=(1, 28, 28)))
model.add(Activation('relu'))
model.add(Flatten())
model.add(Dense(128))
model.add(Activation('relu'))
model.add(Dropout(0.5))
model.add(Dense(nb_classes))
model.add(Activation('softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adadelta')
model.fit(X_train, Y_train, batch_size=128, nb_epoch=12, show_accuracy=True, verbose=1)
classes = model.predict_classes(X_test)
""",
    "older spellings": """
from keras.layers.core import Dense, Activation
model = keras.models.Sequential()
model.add(Dense(20, 64, init='uniform'))
model.add(Activation('tanh'))
model.add(Dense(64, 1, init='uniform'))
model.add(Activation('sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='sgd', class_mode='binary')
model.predict_classes(X_test)
""",
    "scaled after the split": """
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=.2, stratify=y)
scaler = StandardScaler()
x_train = scaler.fit_transform(x_train)
x_test = scaler.transform(x_test)
encoder = LabelEncoder()
y_train = encoder.fit_transform(y_train)
y_test = encoder.transform(y_test)
""",
    "labels encoded before the split": """
y = LabelEncoder().fit_transform(df['kind'])
onehot = OneHotEncoder(sparse_output=False).fit_transform(df[['kind']])
x_train, x_test, y_train, y_test = train_test_split(df.drop('kind', axis=1).values / 255., y)
""",
    "split by group": """
groups = df['patient_id']
for train, test in GroupKFold(5).split(x, y, groups):
    pass
inner_train, inner_test = train_test_split(x)
""",
    "patients split": """
patients = df['patient'].unique()
train_patients, test_patients = train_test_split(patients, test_size=.2)
train = df[df['patient'].isin(train_patients)]
""",
    "one patient left out": """
subjects = np.load('subjects.npy')
for s in np.unique(subjects):
    train, test = x[subjects != s], x[subjects == s]
    xt, xv = train_test_split(train)
""",
    "threshold on validation rows": """
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
p_val = m.predict(x_val)
fpr, tpr, cuts = roc_curve(y_val, p_val)
best = cuts[np.argmax(tpr - fpr)]
print(f1_score(y_test, m.predict(x_test)[:, 0] > best))
fpr, tpr, _ = roc_curve(y_test, m.predict(x_test))
print(auc(fpr, tpr))
""",
    "scores at several thresholds": """
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
p = m.predict(x_test)
for t in (0.3, 0.5, 0.7):
    print(t, f1_score(y_test, p > t))
""",
    "metrics made for each model": """
def metrics():
    return [keras.metrics.AUC(name='auc')]
for units in (8, 16):
    m = Sequential([layers.Dense(units), layers.Dense(1, activation='sigmoid')])
    m.compile('adam', 'binary_crossentropy', metrics=metrics())
""",
    "one metric, one model compiled twice": """
auc = keras.metrics.AUC()
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy', metrics=[auc])
m.compile('sgd', 'binary_crossentropy', metrics=[auc])
""",
    "focal": """
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', keras.losses.BinaryFocalCrossentropy(gamma=2.0))
k = Sequential([layers.Dense(3, activation='softmax')])
k.compile('adam', keras.losses.CategoricalFocalCrossentropy())
""",
    "a divergence of distributions": """
m = Sequential([layers.Dense(5, activation='softmax')])
m.compile('adam', 'kl_divergence')
""",
    "recurrent text": """
m = Sequential([layers.Embedding(1000, 64), layers.Bidirectional(layers.LSTM(64)),
                layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
n = Sequential([layers.Embedding(1000, 64), layers.LSTM(64, return_sequences=True),
                layers.TimeDistributed(layers.Dense(9, activation='softmax'))])
n.compile('adam', 'sparse_categorical_crossentropy')
tags = np.argmax(n.predict(x_test), axis=-1)
""",
    "mixed precision": """
i = keras.Input((64,))
x = layers.Dense(10)(i)
out = layers.Activation('softmax', dtype='float32')(x)
Model(i, out).compile('adam', 'sparse_categorical_crossentropy')
""",
    "q-learning": """
q = Sequential([layers.Dense(24, activation='relu'), layers.Dense(2)])
q.compile('adam', 'mse')
action = np.argmax(q.predict(state)[0])
target = q.predict(next_state)
best = np.amax(target[0])
""",
    "a threshold of a regression": """
m = Sequential([layers.Dense(1)])
m.compile('adam', 'mse')
high = m.predict(x_test) > 0.5
""",
    "two digits of ten": """
(x, y), _ = keras.datasets.mnist.load_data()
kept = (y == 3) | (y == 7)
x, y = x[kept], (y[kept] == 7).astype(int)
m = Sequential([layers.Flatten(), layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
m.fit(x, y)
""",
    "some digits": """
(x, y), _ = keras.datasets.mnist.load_data()
mask = y < 2
m = Sequential([layers.Flatten(), layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
m.fit(x[mask], y[mask])
""",
    "labels that are changed": """
(x, y), _ = keras.datasets.mnist.load_data()
y[y > 0] = 1
m = Sequential([layers.Flatten(), layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
m.fit(x, y)
""",
    "softmax when it serves": """
class Net(Model):
    def __init__(self):
        super().__init__()
        self.out = layers.Dense(5)
    def call(self, x, training=None):
        x = self.out(x)
        if not training:
            x = tf.nn.softmax(x)
        return x
m = Net()
m.compile('adam', losses.SparseCategoricalCrossentropy(from_logits=True))
""",
    "squeezenet": """
m = Sequential([layers.Conv2D(64, 3, activation='relu'), layers.Conv2D(10, 1, activation='relu'),
                layers.GlobalAveragePooling2D(), layers.Activation('softmax')])
m.compile('adam', 'sparse_categorical_crossentropy')
""",
    "a column that is not labels": """
data = pd.read_csv('ratings.csv')
users = data['user_id'].astype('category').cat.codes
train, test = train_test_split(data, test_size=.2)
""",
    "siamese": """
one, two = keras.Input((64,)), keras.Input((64,))
shared = Sequential([layers.Dense(32)])
distance = layers.Lambda(lambda t: tf.abs(t[0] - t[1]))([shared(one), shared(two)])
m = Model([one, two], layers.Dense(1, activation='sigmoid')(distance))
m.compile('adam', 'binary_crossentropy')
""",
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_has_no_finding(name):
    result = audited(HEAD + RIGHT[name])
    assert result.error is None
    assert [(one.line, one.rule.id, one.message) for one in result.findings] == []
    assert not [
        note
        for note in result.unknown
        if note.endswith("could not be followed") and "model" not in note and "loss" not in note
    ]
