"""How far values are followed, and that what cannot be known is unknown."""

import pytest

from tests.audit.reading import audited, found, marked

HEAD = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers, Sequential, Model
"""
PROGRAMS = {
    "constants": """
NUM_CLASSES = 2 - 1
ACTIVATION = 'soft' + 'max'
m = Sequential([layers.Dense(NUM_CLASSES, activation=ACTIVATION)])  # HS101
m.compile(loss='mse')
""",
    "a function with arguments": """
def build(units, activation='softmax', *, loss='binary_crossentropy'):
    m = Sequential()
    m.add(layers.Dense(64, activation='relu'))
    m.add(layers.Dense(units, activation=activation))
    m.compile(optimizer='adam', loss=loss)  # HS103
    return m
build(10)
""",
    "a function without a call": """
def build():
    m = Sequential([layers.Dense(10, activation='softmax')])
    m.compile(optimizer='adam', loss='binary_crossentropy')  # HS103
    return m
""",
    "a function that adds the head": """
def add_head(model, units):
    model.add(layers.Dense(units, activation='sigmoid'))
m = Sequential([layers.Flatten()])
add_head(m, 4)
m.compile(loss='categorical_crossentropy')  # HS102
""",
    "a dictionary of settings": """
config = dict_of = {'units': 3, 'activation': 'relu', 'loss': 'categorical_crossentropy'}
m = Sequential([layers.Dense(config['units'], activation=config['activation'])])  # HS104
m.compile(loss=config['loss'])
""",
    "keywords of a dictionary": """
settings = {'loss': 'hinge', 'optimizer': 'adam'}
m = Sequential([layers.Dense(1, activation='sigmoid')])  # HS111
m.compile(**settings)
""",
    "a class of settings": """
class Config:
    units = 4
    loss: str = 'categorical_crossentropy'
m = Sequential([layers.Dense(Config.units, activation='sigmoid')])
m.compile(loss=Config().loss)  # HS102
""",
    "a class that holds the model": """
class Classifier:
    def __init__(self, classes):
        self.classes = classes
        self.model = self._build()
    def _build(self):
        m = Sequential([layers.Dense(self.classes)])  # HS106
        m.compile('adam', 'sparse_categorical_crossentropy')
        return m
    def predict(self, x_test):
        return np.argmax(self.model.predict(x_test))  # HS402
Classifier(5)
""",
    "a list of layers": """
stack = [layers.Flatten()]
for width in (64, 32):
    stack.append(layers.Dense(width, activation='relu'))
stack += [layers.Dense(4, activation='sigmoid')]
m = Sequential(stack)
m.compile(loss='categorical_crossentropy')  # HS102
""",
    "a loop of unknown length": """
m = Sequential()
for width in widths:
    m.add(layers.Dense(width, activation='relu'))
m.add(layers.Dense(4, activation='sigmoid'))
m.compile(loss='categorical_crossentropy')  # HS102
""",
    "both branches are wrong": """
if deep:
    m = Sequential([layers.Dense(9), layers.Dense(4, activation='sigmoid')])
else:
    m = Sequential([layers.Dense(4, activation='sigmoid')])
m.compile(loss='categorical_crossentropy')  # HS102
""",
    "one branch is right": """
if multi:
    last = layers.Dense(4, activation='sigmoid')
else:
    last = layers.Dense(4, activation='softmax')
m = Sequential([last])
m.compile(loss='categorical_crossentropy')
""",
    "a branch wrong by itself": """
if multi:
    m = Sequential([layers.Dense(4, activation='sigmoid')])
    m.compile(loss='categorical_crossentropy')  # HS102
else:
    m = Sequential([layers.Dense(1, activation='sigmoid')])
    m.compile(loss='binary_crossentropy')
""",
    "conditions that go together": """
units = 1 if classes == 2 else classes
activation = 'sigmoid' if classes == 2 else 'softmax'
m = Sequential([layers.Dense(units, activation=activation)])
m.compile(loss='binary_crossentropy' if classes == 2 else 'sparse_categorical_crossentropy')
""",
    "conditions that are known": """
CLASSES = 10
if CLASSES == 2:
    activation, loss = 'sigmoid', 'binary_crossentropy'
else:
    activation, loss = 'softmax', 'binary_crossentropy'
m = Sequential([layers.Dense(CLASSES, activation=activation)])
m.compile(loss=loss)  # HS103
""",
    "an early return": """
def build(classes):
    m = Sequential([layers.Dense(8)])
    if classes == 2:
        m.add(layers.Dense(1, activation='sigmoid'))
        m.compile(loss='binary_crossentropy')
        return m
    m.add(layers.Dense(classes, activation='sigmoid'))
    m.compile(loss='sparse_categorical_crossentropy')
    return m
build(2)
build(5).fit(x, y)
""".replace("classes, activation='sigmoid'))\n    m", "classes, activation='sigmoid'))  # HS102\n    m"),
    "a name that is bound anew": """
activation = 'sigmoid'
activation = choose()
m = Sequential([layers.Dense(4, activation=activation)])
m.compile(loss='categorical_crossentropy')
""",
    "a number that a loop changes": """
units = 1
while more():
    units = units + 1
m = Sequential([layers.Dense(units, activation=act)])
m.compile(loss='categorical_crossentropy')
""",
    "a loss of the program's own": """
def my_loss(y_true, y_pred):
    return tf.reduce_mean(keras.losses.categorical_crossentropy(y_true, y_pred))
m = Sequential([layers.Dense(4, activation='sigmoid')])
m.compile(loss=my_loss)  # HS102
""",
    "a loss that only looks like it": """
def categorical_crossentropy(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred))
m = Sequential([layers.Dense(4, activation='sigmoid')])
m.compile(loss=categorical_crossentropy)
""",
    "names of modules": """
import keras.layers as KL, keras.models as KM
from tensorflow.python.keras import losses as L
m = KM.Sequential([KL.Dense(units=4, activation='sigmoid')])
m.compile(loss=L.CategoricalCrossentropy())  # HS102
""",
    "losses of tf": """
m = tf.keras.models.Sequential([tf.keras.layers.Dense(10, activation=tf.keras.activations.softmax)])
m.compile(loss=tf.losses.SparseCategoricalCrossentropy(from_logits=True))  # HS105
""",
    "a subclassed model's last layer": """
class Net(tf.keras.Model):
    def __init__(self):
        super(Net, self).__init__()
        self.blocks = [layers.Dense(8, activation='relu') for _ in range(3)]
        self.last = layers.Dense(1, activation='sigmoid')
    def call(self, inputs):
        x = inputs
        for block in self.blocks:
            x = block(x)
        return self.last(x)
m = Net()
m.compile('adam', loss=keras.losses.BinaryCrossentropy(from_logits=True))  # HS105
""",
    "functional, deep": """
def block(x, units):
    return layers.BatchNormalization()(layers.Dense(units, activation='relu')(x))
inputs = keras.Input((8,))
x = inputs
for _ in range(20):
    x = block(x, 32)
outputs = layers.Dense(3)(x)
outputs = layers.Activation(tf.nn.sigmoid)(outputs)
Model(inputs, outputs).compile(loss='categorical_crossentropy')  # HS102
""",
    "a model over a model": """
base = Sequential([layers.Dense(64), layers.Dense(2, activation='softmax')])
top = Sequential([base])
top.compile(loss='binary_crossentropy')  # HS103
""",
    "layers frozen and popped": """
m = Sequential([layers.Dense(8), layers.Dense(2, activation='softmax')])
m.pop()
m.add(layers.Dense(2, activation='sigmoid'))
m.compile(loss='sparse_categorical_crossentropy')
""".replace("'sigmoid'))", "'sigmoid'))  # HS102"),
    "an import that may fail": """
try:
    from keras.layers import Dense
except ImportError:
    from tensorflow.keras.layers import Dense
m = Sequential([Dense(2, activation='softmax')])
m.compile(loss='binary_crossentropy')  # HS103
""",
    "what runs as a program": """
def main():
    m = Sequential([layers.Dense(2, activation='softmax')])
    m.compile(loss='binary_crossentropy')  # HS103
if __name__ == "__main__":
    main()
""",
    "losses of several outputs": """
i = keras.Input((4,))
a = layers.Dense(1, activation='sigmoid', name='a')(i)
b = layers.Dense(3, activation='sigmoid', name='b')(i)
m = Model(inputs=i, outputs=[a, b])
m.compile('adam', {'b': 'categorical_crossentropy', 'a': 'binary_crossentropy'})  # HS102
m.compile('adam', ['binary_crossentropy', 'sparse_categorical_crossentropy'])
""".replace("name='b')(i)", "name='b')(i)  # HS102"),
    "predictions through names": """
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
def evaluate(model, x_test):
    scores = model.predict(x_test)
    return scores.argmax(axis=1)  # HS401
evaluate(m, data)
""",
    "models in a tuple": """
a = Sequential([layers.Dense(1, activation='sigmoid')])
b = Sequential([layers.Dense(1, activation='sigmoid')])
for m in (a, b):
    m.compile('adam', 'binary_crossentropy')
np.argmax(a.predict(x), axis=1)  # HS401
""",
    "models in a dictionary": """
models = {'one': Sequential([layers.Dense(1, activation='sigmoid')]),
          'two': Sequential([layers.Dense(4, activation='sigmoid')])}
for name, m in models.items():
    m.compile('adam', {'one': 'binary_crossentropy', 'two': 'categorical_crossentropy'}[name])  # HS102
np.argmax(models['one'].predict(x), axis=1)  # HS401
""",
    "models in a list": """
models = []
for k in range(3):
    models.append(Sequential([layers.Dense(1, activation='sigmoid')]))
models[0].compile('adam', 'binary_crossentropy')
p = models[0].predict(x)
np.argmax(p, axis=1)  # HS401
""",
    "predictions of a loop": """
m = Sequential([layers.Dense(1, activation='sigmoid')])
m.compile('adam', 'binary_crossentropy')
p = m.predict(x_test)
for i in range(len(p)):
    print(np.argmax(p[i]))  # HS401
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_values_are_followed(name):
    text = HEAD + PROGRAMS[name]
    assert found(text) == marked(text)


def test_what_is_unknown_is_told():
    result = audited(
        """
        m = Sequential(load())
        m.compile(loss=choose())
        y = read()
        m.fit(x, y)
        """
    )
    assert result.findings == ()
    assert result.unknown == (
        "line 3: the last layer of the model that is compiled could not be followed",
        "line 3: the loss that is compiled could not be followed",
        "line 5: the labels of the model that is trained are unknown",
    )


def test_what_is_no_python_is_an_error():
    assert audited("print 'old'").error == (
        "is not Python 3: line 1: Missing parentheses in call to 'print'. Did you mean print(...)?"
    )


def test_a_column_is_counted_in_characters():
    text = "é = 'ü'; m = Sequential([Dense(2, activation='softmax')]); m.compile(loss='binary_crossentropy')"
    (finding,) = audited(text).findings
    assert finding.column == text.index("'binary_crossentropy'") + 1
    assert finding.edits[0].start == (1, text.index("'binary_crossentropy'"))


GROUPS = {
    "a list beside the rows": """
x, subject_ids = [], []
for file in files:
    x.append(read(file))
    subject_ids.append(file[:5])
train, test = train_test_split(np.array(x))  # HS503
""",
    "a column beside the rows": """
df = pd.read_csv('windows.csv')
subjects = df['subject']
train, test = train_test_split(df)  # HS503
""",
    "people, not rows": """
patients = ['a', 'b', 'c']
train, test = train_test_split(patients, test_size=.3)
rows, more = train_test_split(x)
""",
    "a list of files": """
patients = os.listdir('data')
for patient in patients:
    x, y = read(patient)
    train, test = train_test_split(x, y)
""",
    "kept in order": """
groups = np.load('groups.npy')
train, test = train_test_split(x, shuffle=False)
""",
    "by a mask": """
subject_id = np.load('subject.npy')
test = subject_id == 7
x_train, x_test = x[~test], x[test]
folds = train_test_split(x_train)
""",
}


@pytest.mark.parametrize("name", GROUPS)
def test_groups_are_told_by_their_names(name):
    text = "import pandas as pd\nfrom sklearn.model_selection import train_test_split\n" + GROUPS[name]
    assert found(text) == marked(text)


LAYERS = """
import tensorflow as tf
from keras import layers, Sequential
class Cut(layers.Layer):
    def call(self, x):
        return tf.round(x)  # HS110
m = Sequential([layers.Dense(1, activation='sigmoid'), Cut()])
m.compile(loss='binary_crossentropy')
"""


def test_a_layer_of_the_programs_own_is_followed():
    assert found(LAYERS) == marked(LAYERS)
    assert found(LAYERS.replace("tf.round(x)  # HS110", "unknown(x)")) == []
