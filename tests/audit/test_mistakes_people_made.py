"""Every mistake that people asked about, as they wrote it; and the same program put right, which is clean."""

import pytest

from tests.audit.reading import found, marked

SEIZURE_TRUNK = """
from keras.models import Model
from keras.layers import Input, Conv3D, MaxPooling3D, Flatten, Dense, Dropout, BatchNormalization
import numpy as np
from sklearn.metrics import accuracy_score, recall_score

def build_cnn(shape):
    inputs = Input(shape)
    x = BatchNormalization()(inputs)
    x = Conv3D(32, (3, 3, 19), activation='relu')(x)
    x = MaxPooling3D((2, 1, 1))(x)
    x = Flatten()(x)
    x = Dropout(0.5)(x)
    x = Dense(256, activation='relu')(x)
"""
MISTAKES = {
    "argmax of one sigmoid": SEIZURE_TRUNK
    + """
    outputs = Dense(1, activation='sigmoid')(x)
    model = Model(inputs, outputs)
    model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
    return model

model = build_cnn((32, 9, 19, 1))
model.fit(X_train, y_train, batch_size=32, epochs=10, validation_data=(X_val, y_val))
predictions = model.predict(X_test)
y_pred = np.argmax(predictions, axis=1)  # HS401
print(accuracy_score(y_test, y_pred), recall_score(y_test, y_pred))
""",
    "argmax of one sigmoid, row by row": SEIZURE_TRUNK
    + """
    outputs = Dense(1, activation='sigmoid')(x)
    model = Model(inputs=inputs, outputs=outputs)
    model.compile(loss='binary_crossentropy', optimizer='adam')
    return model

model = build_cnn((32, 9, 19, 1))
predictions = model.predict(X_test)
y_pred = [np.argmax(p) for p in predictions]  # HS401
""",
    "argmax of one sigmoid, without an axis": SEIZURE_TRUNK
    + """
    outputs = Dense(1, activation='sigmoid')(x)
    model = Model(inputs=inputs, outputs=outputs)
    model.compile(loss='binary_crossentropy', optimizer='adam')
    return model

model = build_cnn((32, 9, 19, 1))
predictions = model.predict(X_test)
y_pred = np.argmax(predictions)  # HS402
""",
    "Precision and Recall over two softmax columns": SEIZURE_TRUNK
    + """
    outputs = Dense(2, activation='softmax')(x)
    model = Model(inputs=inputs, outputs=outputs)
    model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=[
        'accuracy',
        tf.keras.metrics.Precision(),  # HS302
        tf.keras.metrics.Recall(),  # HS302
    ])
    return model
""",
    "softmax over one unit, photos": """
import tensorflow as tf
from tensorflow.keras.layers import Conv2D, MaxPooling2D, BatchNormalization, Flatten, Dense
train = tf.keras.utils.image_dataset_from_directory('photos', label_mode='binary', batch_size=32)
model = tf.keras.Sequential()
for _ in range(2):
    model.add(Conv2D(256, (3, 3), activation='relu'))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(BatchNormalization())
model.add(Flatten())
model.add(Dense(64))
model.add(Dense(1, activation='softmax'))  # HS101
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit(train, epochs=30)
""",
    "softmax over one unit, Conv1D": """
model = Sequential()
model.add(Conv1D(16, 4, padding='same', input_shape=(10, 4)))
model.add(LeakyReLU())
model.add(Flatten())
model.add(Dense(64))
model.add(BatchNormalization())
model.add(LeakyReLU())
model.add(Dense(1))
model.add(Activation('softmax'))  # HS101
model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])
history = model.fit(x_train, y_train, batch_size=128, epochs=100)
""",
    "a cut at 0.5 on logits": """
import numpy as np
from tensorflow import keras
model = keras.Sequential([keras.layers.Dense(124, activation='relu'), keras.layers.Dense(1)])
model.compile(optimizer='sgd', loss=keras.losses.BinaryCrossentropy(from_logits=True))
model.fit(X, y)
labels = (model.predict(X_new) > 0.5).astype(int)  # HS404
""",
    "rounded logits": """
import numpy as np
from tensorflow import keras
model = keras.Sequential([keras.layers.Dense(124, activation='relu'), keras.layers.Dense(1)])
model.compile(optimizer='sgd', loss=keras.losses.BinaryCrossentropy(from_logits=True))
labels = np.round(model.predict(X_new))  # HS404
""",
    "a BiLSTM over gestures with integer labels": """
from keras.models import Sequential
from keras.layers import Masking, LSTM, Bidirectional, Dense
from sklearn.preprocessing import LabelEncoder
y = LabelEncoder().fit_transform(names)
model = Sequential()
model.add(Masking(mask_value=0., input_shape=(171, 66)))
model.add(Bidirectional(LSTM(64)))
model.add(Dense(6, activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])  # HS201
model.fit(X, y, epochs=100)
""",
    "gestures of people, split at random": """
from sklearn.model_selection import train_test_split
data = np.load('gestures.npz')
X, y, subject_id = data['x'], data['y'], data['subject']
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2)  # HS503
""",
    "two outputs of several labels": """
from keras.layers import Input, Dense
from keras.models import Model
from sklearn.preprocessing import MultiLabelBinarizer
shapes = MultiLabelBinarizer().fit_transform(a)
colours = MultiLabelBinarizer().fit_transform(b)
inputs = Input((64,))
x = Dense(32, activation='relu')(inputs)
one = Dense(5, activation='softmax', name='shape')(x)  # HS204
two = Dense(7, activation='softmax', name='colour')(x)  # HS204
model = Model(inputs, [one, two])
model.compile(optimizer='adam', loss={'shape': 'categorical_crossentropy',
                                      'colour': 'categorical_crossentropy'})
model.fit(X, {'shape': shapes, 'colour': colours})
""",
    "accuracy of a price": """
model = Sequential()
model.add(Dense(28, input_dim=28, kernel_initializer='normal', activation='relu'))
model.add(Dense(1, kernel_initializer='normal'))
model.compile(loss='mean_squared_error', optimizer='adam', metrics=['accuracy'])  # HS301
""",
    "accuracy of an LSTM's number": """
from tensorflow.keras import Sequential
from tensorflow.keras.layers import LSTM, Dense
model = Sequential([LSTM(50, input_shape=(10, 1)), Dense(1)])
model.compile(optimizer='adam', loss='mae', metrics=['acc'])  # HS301
""",
    "softmax with binary cross-entropy over one-hot columns": """
from keras.utils import np_utils
Y = np_utils.to_categorical(y, 4)
model = Sequential()
model.add(Dense(4, init='uniform', activation='softmax'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])  # HS103
model.fit(X, Y, nb_epoch=20, batch_size=16)
""",
    "sigmoid with categorical cross-entropy": """
from keras.utils import to_categorical
model = Sequential([Dense(32, activation='relu'), Dense(4, activation='sigmoid')])
model.compile(loss='categorical_crossentropy', optimizer='adam')  # HS102
model.fit(X, to_categorical(y))
""",
    "argmax of several labels": """
from sklearn.datasets import make_multilabel_classification
X, Y = make_multilabel_classification(n_samples=500, n_classes=10)
model = Sequential([Dense(32, activation='relu'), Dense(10, activation='sigmoid')])
model.compile(loss='binary_crossentropy', optimizer='adam')
model.fit(X, Y)
classes = model.predict(X).argmax(axis=-1)  # HS403
""",
    "Precision over a matrix": """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(5, activation=tf.nn.softmax)])
model.compile('adam', 'sparse_categorical_crossentropy',
              metrics=[tf.keras.metrics.Precision()])  # HS302
""",
    "one column and categorical cross-entropy": """
model = Sequential()
model.add(Dense(output_dim=12, input_dim=8, init='uniform', activation='relu'))
model.add(Dense(1, init='uniform', activation='sigmoid'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])  # HS102
""",
}
RIGHT = {
    "argmax of one sigmoid": ("np.argmax(predictions, axis=1)", "(predictions[:, 0] > 0.5).astype(int)"),
    "argmax of one sigmoid, row by row": ("np.argmax(p) for", "p[0] > 0.5 for"),
    "argmax of one sigmoid, without an axis": ("np.argmax(predictions)", "predictions[:, 0] > 0.5"),
    "Precision and Recall over two softmax columns": (
        ("Precision()", "Precision(class_id=1)"),
        ("Recall()", "Recall(class_id=1)"),
    ),
    "softmax over one unit, photos": ("'softmax'", "'sigmoid'"),
    "softmax over one unit, Conv1D": ("'softmax'", "'sigmoid'"),
    "a cut at 0.5 on logits": ("> 0.5", "> 0"),
    "rounded logits": ("np.round(model.predict(X_new))", "np.round(tf.sigmoid(model.predict(X_new)))"),
    "a BiLSTM over gestures with integer labels": ("'categorical", "'sparse_categorical"),
    "gestures of people, split at random": (
        "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2)",
        "train, test = next(GroupShuffleSplit().split(X, y, groups=subject_id))",
    ),
    "two outputs of several labels": (
        ("'softmax'", "'sigmoid'"),
        ("'categorical_crossentropy'", "'binary_crossentropy'"),
    ),
    "accuracy of a price": ("'accuracy'", "'mae'"),
    "accuracy of an LSTM's number": ("'acc'", "'mse'"),
    "softmax with binary cross-entropy over one-hot columns": ("'binary_c", "'categorical_c"),
    "sigmoid with categorical cross-entropy": ("'sigmoid'", "'softmax'"),
    "argmax of several labels": ("model.predict(X).argmax(axis=-1)", "model.predict(X) > 0.5"),
    "Precision over a matrix": ("Precision()", "Precision(class_id=3)"),
    "one column and categorical cross-entropy": ("'categorical_c", "'binary_c"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found_at_its_line(name):
    assert marked(MISTAKES[name])
    assert found(MISTAKES[name]) == marked(MISTAKES[name])


@pytest.mark.parametrize("name", MISTAKES)
def test_put_right_it_is_clean(name):
    changes = RIGHT[name]
    text = MISTAKES[name]
    for old, new in changes if isinstance(changes[0], tuple) else (changes,):
        assert old in text
        text = text.replace(old, new)
    if "GroupShuffleSplit" in text:
        text = text.replace("import train_test_split", "import GroupShuffleSplit")
    assert found(text) == []
