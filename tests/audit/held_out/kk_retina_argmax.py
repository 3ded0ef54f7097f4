import keras
import numpy as np


class Screening(keras.Model):
    diseases = ("DR", "AMD", "glaucoma", "cataract")

    def __init__(self):
        super().__init__()
        self.features = keras.applications.ResNet50(include_top=False, pooling="avg")
        self.out = keras.layers.Dense(len(self.diseases), activation="sigmoid")

    def call(self, x):
        return self.out(self.features(x))


s = Screening()
s.compile("adam", loss=keras.losses.BinaryCrossentropy(), metrics=[keras.metrics.AUC(multi_label=True)])
x, y = np.load("fundus_x.npy"), np.load("fundus_y.npy")  # y has a column for each disease, eyes may have several
s.fit(x, y, epochs=5, batch_size=8)
which = s.predict(np.load("fundus_new.npy")).argmax(axis=-1)
for w in which:
    print(Screening.diseases[w])
