import tensorflow as tf
from sklearn.datasets import fetch_california_housing
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

H = fetch_california_housing()
Xf, Xt, yf, yt = train_test_split(H.data, H.target, random_state=42)
Xf, Xv, yf, yv = train_test_split(Xf, yf, random_state=42)
s = StandardScaler().fit(Xf)
Xf, Xv, Xt = (s.transform(q) for q in (Xf, Xv, Xt))

wide = tf.keras.layers.Input((5,), name="wide")
deep = tf.keras.layers.Input((6,), name="deep")
h = tf.keras.layers.Dense(30, activation="relu")(deep)
h = tf.keras.layers.Dense(30, activation="relu")(h)
main = tf.keras.layers.Dense(1, name="main")(tf.keras.layers.concatenate([wide, h]))
aux = tf.keras.layers.Dense(1, name="aux")(h)
net = tf.keras.Model([wide, deep], [main, aux])
net.compile(loss=["mse", "mse"], loss_weights=[0.9, 0.1], optimizer=tf.keras.optimizers.SGD(0.5), metrics=["mae", "mae"])
net.fit((Xf[:, :5], Xf[:, 2:]), (yf, yf), epochs=20, validation_data=((Xv[:, :5], Xv[:, 2:]), (yv, yv)))
