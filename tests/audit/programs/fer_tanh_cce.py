import numpy as np
from tensorflow.keras import Input, Model
from tensorflow.keras import layers as L
from tensorflow.keras.utils import to_categorical

NUM_EMOTIONS = 7
faces = np.load("fer_faces.npy").astype("float32") / 255.0
emotions = np.load("fer_emotions.npy")  # 0..6
onehot = to_categorical(emotions, NUM_EMOTIONS)

i = Input((48, 48, 1))
t = i
for width in (32, 64, 128):
    t = L.Conv2D(width, 3, padding="same", activation="relu")(t)
    t = L.BatchNormalization()(t)
    t = L.MaxPool2D()(t)
t = L.GlobalAveragePooling2D()(t)
o = L.Dense(NUM_EMOTIONS, activation="tanh")(t)
m = Model(i, o)
m.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
m.fit(faces, onehot, validation_split=0.15, epochs=40, batch_size=128)
