from keras.models import Sequential
from keras.layers.core import Flatten, Dense, Dropout
from keras.layers.convolutional import Convolution2D, MaxPooling2D, ZeroPadding2D
from keras.optimizers import SGD
from keras.preprocessing.image import ImageDataGenerator


def VGG_ish(weights_path=None):
    model = Sequential()
    model.add(ZeroPadding2D((1, 1), input_shape=(3, 100, 100)))
    model.add(Convolution2D(32, 3, 3, activation='relu'))
    model.add(ZeroPadding2D((1, 1)))
    model.add(Convolution2D(32, 3, 3, activation='relu'))
    model.add(MaxPooling2D((2, 2), strides=(2, 2)))
    model.add(ZeroPadding2D((1, 1)))
    model.add(Convolution2D(64, 3, 3, activation='relu'))
    model.add(MaxPooling2D((2, 2), strides=(2, 2)))
    model.add(Flatten())
    model.add(Dense(4096, activation='relu'))
    model.add(Dropout(0.9))
    model.add(Dense(1, activation='sigmoid'))
    if weights_path:
        model.load_weights(weights_path)
    return model


if __name__ == "__main__":
    model = VGG_ish()
    sgd = SGD(lr=10, decay=1e-6, momentum=0.9, nesterov=True)
    model.compile(optimizer=sgd, loss='binary_crossentropy', metrics=['accuracy'])
    gen = ImageDataGenerator(rescale=1./255).flow_from_directory('people', target_size=(100, 100), class_mode='binary')
    model.fit_generator(gen, samples_per_epoch=2300, nb_epoch=50)
    im = gen.next()[0]
    print(['man' if p < 0.5 else 'woman' for p in model.predict(im)[:, 0]])
