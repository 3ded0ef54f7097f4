from tensorflow.keras.datasets import cifar10
from tensorflow.keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from tensorflow.keras.models import Sequential

(x, y), (xt, yt) = cifar10.load_data()
x = x.astype("float32") / 255
xt = xt.astype("float32") / 255

cnn = Sequential(name="cnn")
cnn.add(Conv2D(32, (3, 3), activation="relu", input_shape=(32, 32, 3)))
cnn.add(MaxPooling2D((2, 2)))
cnn.add(Conv2D(64, (3, 3), activation="relu"))
cnn.add(MaxPooling2D((2, 2)))
cnn.add(Flatten())
cnn.add(Dense(64, activation="relu"))
cnn.add(Dense(10))
cnn.summary()

cnn.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
cnn.fit(x, y, epochs=10, validation_data=(xt, yt))
