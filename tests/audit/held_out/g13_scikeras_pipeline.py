import numpy as np
from scikeras.wrappers import KerasClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tensorflow import keras


def get_clf(meta, hidden=(30,), dropout=0.0):
    m = keras.Sequential()
    m.add(keras.layers.Input((meta["n_features_in_"],)))
    for n in hidden:
        m.add(keras.layers.Dense(n, activation="relu"))
        m.add(keras.layers.Dropout(dropout))
    if meta["target_type_"] == "binary":
        m.add(keras.layers.Dense(1, activation="sigmoid"))
        loss = "binary_crossentropy"
    else:
        m.add(keras.layers.Dense(meta["n_classes_"], activation="softmax"))
        loss = "sparse_categorical_crossentropy"
    m.compile(loss=loss, optimizer="adam")
    return m


X, y = np.load("x.npy"), np.load("y.npy")
pipe = make_pipeline(StandardScaler(), KerasClassifier(get_clf, hidden=(30,), dropout=0.1, epochs=1, verbose=0))
grid = GridSearchCV(pipe, {"kerasclassifier__hidden": [(10,), (300, 300, 300)]}, cv=StratifiedKFold(3))
grid.fit(X, y)
print(grid.best_params_, grid.best_score_)
