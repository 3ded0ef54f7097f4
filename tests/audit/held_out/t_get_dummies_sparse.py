import pandas as pd
from sklearn.model_selection import train_test_split
from tensorflow import keras

peng = pd.read_csv("penguins.csv").dropna()
num = peng[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]]
kind = pd.get_dummies(peng["species"])
a, b, c, d = train_test_split(num.values, kind.values, test_size=0.3, random_state=8)

mod = keras.models.Sequential([
    keras.layers.BatchNormalization(input_shape=(4,)),
    keras.layers.Dense(12, "relu"),
    keras.layers.Dense(kind.shape[1], "softmax"),
])
mod.compile(keras.optimizers.Adam(0.01), keras.losses.sparse_categorical_crossentropy, metrics=["accuracy"])
mod.fit(a, c, epochs=60, verbose=2)
print(mod.evaluate(b, d, verbose=0))
