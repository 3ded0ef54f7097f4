from keras.datasets import boston_housing
from keras.layers import Dense
from keras.models import Sequential
from keras.wrappers.scikit_learn import KerasRegressor
from sklearn.model_selection import KFold, cross_val_score

(x, y), _ = boston_housing.load_data()


def larger_model():
    model = Sequential()
    model.add(Dense(20, input_dim=13, init='normal', activation='relu'))
    model.add(Dense(6, init='normal', activation='relu'))
    model.add(Dense(1, init='normal'))
    model.compile(loss='mean_squared_error', optimizer='adam')
    return model


est = KerasRegressor(build_fn=larger_model, nb_epoch=50, batch_size=5, verbose=0)
scores = cross_val_score(est, x, y, cv=KFold(n_splits=10))
print("MSE %.1f (%.1f)" % (scores.mean(), scores.std()))
