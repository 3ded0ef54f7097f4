"""One builder for all of our tables; the head follows from the task."""
import keras
from keras import layers

HEADS = {
    "yesno": {"units": lambda k: 1, "activation": "sigmoid", "loss": "binary_crossentropy", "metrics": ["accuracy"]},
    "class": {"units": lambda k: k, "activation": "softmax", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
    "tags": {"units": lambda k: k, "activation": "sigmoid", "loss": "binary_crossentropy", "metrics": ["binary_accuracy"]},
    "number": {"units": lambda k: 1, "activation": None, "loss": "huber", "metrics": ["mae"]},
}


def build(task, n_in, k=None, hidden=(64, 64)):
    head = HEADS[task]
    m = keras.Sequential([keras.Input((n_in,))])
    for h in hidden:
        m.add(layers.Dense(h, activation="relu"))
        m.add(layers.Dropout(0.1))
    m.add(layers.Dense(head["units"](k), activation=head["activation"]))
    m.compile("adam", head["loss"], metrics=head["metrics"])
    return m


def decode(task, p):
    if task == "class":
        return p.argmax(axis=-1)
    if task == "number":
        return p[:, 0]
    return (p > 0.5).astype(int)


for task, n, k in [("yesno", 12, None), ("class", 30, 7), ("tags", 100, 20), ("number", 5, None)]:
    build(task, n, k).summary()
