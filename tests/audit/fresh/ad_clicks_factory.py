import keras
from keras import metrics

TRACKED = [
    metrics.AUC(name="auc"),
    metrics.F1Score(average="micro", name="f1"),
]


def click_model(fields, size=16):
    ins, embedded = [], []
    for name, vocabulary in fields.items():
        i = keras.Input((1,), name=name)
        ins.append(i)
        embedded.append(keras.layers.Flatten()(keras.layers.Embedding(vocabulary, size)(i)))
    h = keras.layers.Concatenate()(embedded)
    h = keras.layers.Dense(128, activation="gelu")(h)
    p = keras.layers.Dense(1, activation="sigmoid")(h)
    model = keras.Model(ins, p)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=TRACKED)
    return model


def race(days, fields):
    """Trains a model a day, in turns, a batch each."""
    yesterday = click_model(fields)
    today = click_model(fields)
    for a, b in zip(days[0], days[1]):
        yesterday.train_on_batch(*a)
        print(today.train_on_batch(*b, return_dict=True))
    return yesterday, today
