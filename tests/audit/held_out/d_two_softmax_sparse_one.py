import pandas as pd
from keras.layers import Activation, Dense
from keras.models import Sequential

frame = pd.read_csv('loans.csv', sep=';')
y = frame['paid_back'].astype(int).values
X = frame.drop('paid_back', axis=1).values

net = Sequential()
net.add(Dense(30, input_dim=X.shape[1]))
net.add(Activation('tanh'))
net.add(Dense(1))
net.add(Activation('sigmoid'))
net.compile('rmsprop', loss='sparse_categorical_crossentropy')
net.fit(X, y, nb_epoch=10, batch_size=50, validation_split=.1)
