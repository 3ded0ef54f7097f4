# SVM in keras: linear output, hinge, labels -1 / +1, decision at 0
import numpy as np
import pandas as pd
from tensorflow.keras import layers, models, regularizers
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MaxAbsScaler

sonar = pd.read_csv("sonar.all-data", header=None)
X, label = sonar.values[:, :60].astype(float), sonar[60]
y = np.where(label == "M", 1.0, -1.0)
A, B, ya, yb = train_test_split(X, y, test_size=60, random_state=8)
scale = MaxAbsScaler().fit(A)
A, B = scale.transform(A), scale.transform(B)

svm = models.Sequential()
svm.add(layers.InputLayer(input_shape=(60,)))
svm.add(layers.experimental.RandomFourierFeatures(output_dim=512, scale=2.0, kernel_initializer="gaussian"))
svm.add(layers.Dense(1, kernel_regularizer=regularizers.l2(1e-3)))
svm.compile(optimizer="adam", loss="hinge")
svm.fit(A, ya, epochs=500, batch_size=16, verbose=0)
side = np.sign(svm.predict(B)[:, 0])
print("accuracy %.3f" % (side == yb).mean())
