import ast

import numpy as np
import pandas as pd
from sklearn.preprocessing import MultiLabelBinarizer
from tensorflow import keras

movies = pd.read_csv("movies.csv")
movies["genres"] = movies["genres"].apply(ast.literal_eval)
mlb = MultiLabelBinarizer()
y = mlb.fit_transform(movies["genres"])
vec = keras.layers.TextVectorization(max_tokens=20000, output_mode="tf_idf")
vec.adapt(movies["overview"].values[:8000])
x = np.asarray(vec(movies["overview"].values))

model = keras.Sequential()
model.add(keras.layers.Dense(256, activation="relu", input_shape=(x.shape[1],)))
model.add(keras.layers.Dropout(0.5))
model.add(keras.layers.Dense(len(mlb.classes_), activation="softmax"))
model.compile(optimizer="adam", loss="categorical_crossentropy")
model.fit(x[:8000], y[:8000], epochs=10, validation_data=(x[8000:], y[8000:]))
