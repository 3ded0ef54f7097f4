from keras.datasets import boston_housing
from keras.layers import Dense
from keras.models import Sequential

(train_x, train_y), (test_x, test_y) = boston_housing.load_data()
mean, std = train_x.mean(axis=0), train_x.std(axis=0)
train_x = (train_x - mean) / std
test_x = (test_x - mean) / std


def build_model(n_hidden=2, units=64, lr=0.001):
    model = Sequential()
    model.add(Dense(units, activation='relu', input_shape=(13,)))
    for _ in range(n_hidden - 1):
        model.add(Dense(units, activation='relu'))
    model.add(Dense(1))
    model.compile(optimizer='rmsprop', loss='mse', metrics=['accuracy'])
    return model


model = build_model()
model.fit(train_x, train_y, epochs=80, batch_size=16, verbose=0)
test_mse, test_acc = model.evaluate(test_x, test_y)
print("accuracy:", test_acc)
