"""Will a parked bike be stolen this week? data from the police portal"""
from tensorflow.keras.models import Model
from tensorflow.keras.layers import Input, Embedding, Flatten, Dense, Concatenate
import pandas as pd

d = pd.read_csv("bikes_2019.csv", sep=";")
district = d.district.astype("category").cat.codes.values
feats = d[["price", "lock_grade", "hours_outside"]].values / [3000, 15, 168]
stolen = d.stolen.values    # 0/1

i1 = Input((1,)); e = Flatten()(Embedding(district.max() + 1, 4)(i1))
i2 = Input((3,))
h = Dense(32, activation="tanh")(Concatenate()([e, i2]))
h = Dense(16, activation="tanh")(h)
o = Dense(1, activation="tanh")(h)

m = Model([i1, i2], o)
m.compile(loss="binary_crossentropy", optimizer="sgd")
m.fit([district, feats], stolen, epochs=200, batch_size=512, validation_split=.2)
