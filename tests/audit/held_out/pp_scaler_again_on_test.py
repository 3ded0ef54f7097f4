from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
import tensorflow as tf

X, y = load_breast_cancer(return_X_y=True)
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=.33)
D = Xtr.shape[1]
ss = StandardScaler()
Xtr = ss.fit_transform(Xtr)
Xte = ss.fit_transform(Xte)

model = tf.keras.models.Sequential([
    tf.keras.layers.Input(shape=(D,)),
    tf.keras.layers.Dense(1, activation='sigmoid'),
])
model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])
r = model.fit(Xtr, ytr, validation_data=(Xte, yte), epochs=100)
P = model.predict(Xte)
print((P.round().flatten() == yte).mean())
