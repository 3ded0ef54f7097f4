from keras.models import Sequential
from keras.layers import Dense
from keras.utils import np_utils
from keras.wrappers.scikit_learn import KerasClassifier
from sklearn.model_selection import KFold, cross_val_score
from sklearn.preprocessing import LabelEncoder
import pandas

dataset = pandas.read_csv("iris.csv", header=None).values
X = dataset[:, 0:4].astype(float)
Y = dataset[:, 4]

enc = LabelEncoder()
enc.fit(Y)
dummy_y = np_utils.to_categorical(enc.transform(Y))


def baseline_model():
    m = Sequential()
    m.add(Dense(8, input_dim=4, kernel_initializer='normal', activation='relu'))
    m.add(Dense(3, kernel_initializer='normal', activation='sigmoid'))
    m.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
    return m


estimator = KerasClassifier(build_fn=baseline_model, nb_epoch=200, batch_size=5, verbose=0)
results = cross_val_score(estimator, X, dummy_y, cv=KFold(n_splits=10, shuffle=True))
print("Accuracy: %.2f%% (%.2f%%)" % (results.mean() * 100, results.std() * 100))
