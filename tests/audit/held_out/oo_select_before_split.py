import numpy as np
from keras.layers import Dense, Dropout
from keras.models import Sequential
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import train_test_split

genes = np.load("expression.npy")  # 120 x 20000
tumour = np.load("tumour.npy")


def prepare(k=50):
    best = SelectKBest(f_classif, k=k).fit(genes, tumour)
    return train_test_split(best.transform(genes), tumour, test_size=0.25, random_state=13)


Xtr, Xte, ytr, yte = prepare()
net = Sequential()
net.add(Dense(10, activation="relu", input_dim=50))
net.add(Dropout(0.5))
net.add(Dense(1, activation="sigmoid"))
net.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
net.fit(Xtr, ytr, epochs=60, verbose=0)
print("wow", net.evaluate(Xte, yte))
