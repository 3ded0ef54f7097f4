import keras
import numpy as np
from keras import layers
from sklearn.preprocessing import MultiLabelBinarizer

papers = np.load("papers.npz", allow_pickle=True)
binarizer = MultiLabelBinarizer()
y = binarizer.fit_transform(papers["terms"])
x = papers["tfidf"]
k = int(0.9 * len(x))

model = keras.Sequential([
    layers.Input((x.shape[1],)),
    layers.Dense(512, activation="relu"),
    layers.Dropout(0.5),
    layers.Dense(y.shape[1], activation="sigmoid"),
])
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x[:k], y[:k], validation_data=(x[k:], y[k:]), epochs=20, batch_size=128)
scores = model.predict(x[k:])
for row in scores[:5]:
    print(binarizer.classes_[np.argmax(row)])
