import pandas as pd
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import np_utils
from sklearn.model_selection import train_test_split

glass = pd.read_csv("glass.csv")
kinds = glass["Type"].astype("category").cat.codes
X_train, X_test, k_train, k_test = train_test_split(glass.drop("Type", axis=1).values, kinds.values, test_size=.3)
y_train = np_utils.to_categorical(k_train, 6)
y_test = np_utils.to_categorical(k_test, 6)

model = Sequential()
model.add(Dense(32, input_dim=9, activation='relu'))
model.add(Dense(6))
model.compile(loss='hinge', optimizer='adam')
model.fit(X_train, y_train, epochs=100, batch_size=16, verbose=0)
print((model.predict(X_test).argmax(axis=1) == k_test).mean())
