from keras.datasets import mnist
from keras.layers import Dense, Dropout
from keras.models import Sequential
from keras.utils import to_categorical

(xTrain, yTrain), (xTest, yTest) = mnist.load_data()
xTrain = xTrain.reshape(-1, 784) / 255.
xTest = xTest.reshape(-1, 784) / 255.
yTrain = to_categorical(yTrain, num_classes=10)
yTest = to_categorical(yTest, num_classes=10)

classifier = Sequential()
classifier.add(Dense(512, activation='relu', input_shape=(784,)))
classifier.add(Dropout(0.2))
classifier.add(Dense(9, activation='softmax'))
classifier.compile(loss='categorical_crossentropy', optimizer='rmsprop', metrics=['accuracy'])
classifier.fit(xTrain, yTrain, batch_size=128, epochs=20, validation_data=(xTest, yTest))
score = classifier.evaluate(xTest, yTest, verbose=0)
