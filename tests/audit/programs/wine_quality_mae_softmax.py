import pandas as pd
import tensorflow as tf
from sklearn.model_selection import train_test_split
from tensorflow.keras.utils import to_categorical

wine = pd.read_csv("winequality-red.csv", sep=";")
features = wine.drop("quality", axis=1).to_numpy("float32")
grades = wine["quality"].to_numpy() - 3

tr_x, te_x, tr_y, te_y = train_test_split(features, to_categorical(grades, 6), test_size=0.3)
norm = tf.keras.layers.Normalization()
norm.adapt(tr_x)

net = tf.keras.Sequential([norm, tf.keras.layers.Dense(30, "relu"), tf.keras.layers.Dense(6, "softmax")])
net.compile("adam", "mae", ["accuracy"])
net.fit(tr_x, tr_y, epochs=100, verbose=0, validation_data=(te_x, te_y))
