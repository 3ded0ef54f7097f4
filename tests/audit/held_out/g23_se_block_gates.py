import keras
from keras.layers import Activation, Add, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, Input, Multiply, Reshape


def se(x, r=8):
    c = x.shape[-1]
    g = GlobalAveragePooling2D()(x)
    g = Dense(c // r, activation="relu")(g)
    g = Dense(c, activation="sigmoid")(g)
    return Multiply()([x, Reshape((1, 1, c))(g)])


def res(x, c):
    y = Activation("relu")(BatchNormalization()(Conv2D(c, 3, padding="same")(x)))
    y = se(BatchNormalization()(Conv2D(c, 3, padding="same")(y)))
    x = x if x.shape[-1] == c else Conv2D(c, 1)(x)
    return Activation("relu")(Add()([x, y]))


i = Input((32, 32, 3))
x = i
for c in (32, 64, 128):
    x = res(x, c)
x = GlobalAveragePooling2D()(x)
net = keras.Model(i, Dense(100, activation="softmax")(x))
net.compile(keras.optimizers.SGD(0.1, momentum=0.99), "sparse_categorical_crossentropy", metrics=["accuracy"])
