import keras
import numpy as np

frames = keras.Input((500, 40))
x = keras.layers.Conv1D(64, 5, padding="same", activation="relu")(frames)
x = keras.layers.Bidirectional(keras.layers.GRU(32, return_sequences=True))(x)
x = keras.layers.TimeDistributed(keras.layers.Dense(1, activation="sigmoid"))(x)
vad = keras.Model(frames, x)
vad.compile("adam", "binary_crossentropy", metrics=["accuracy"])


def onset(clip):
    """The frame where speech is most certain."""
    p = vad.predict(clip[None])  # (1, 500, 1)
    return int(np.argmax(p[0, :, 0])), np.argmax(p, axis=1).item()


def segments(clip, at=0.5):
    on = vad.predict(clip[None])[0, :, 0] > at
    edges = np.flatnonzero(np.diff(np.r_[0, on, 0]))
    return edges[::2], edges[1::2]
