# -*- coding: utf-8 -*-
from keras.models import Sequential
from keras.layers import Convolution2D, MaxPooling2D, Flatten, Dense, Activation, Dropout
from keras.preprocessing.image import ImageDataGenerator

img_w, img_h = 64, 64
nb_train, nb_val = 1800, 400

model = Sequential()
model.add(Convolution2D(32, 3, 3, border_mode='same', input_shape=(img_w, img_h, 3)))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Convolution2D(64, 3, 3))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(output_dim=64))
model.add(Dropout(0.5))
model.add(Dense(output_dim=1))
model.add(Activation('softmax'))
model.compile(loss='binary_crossentropy', optimizer='rmsprop', metrics=['accuracy'])

gen = ImageDataGenerator(rescale=1. / 255)
train = gen.flow_from_directory('men_women/train', target_size=(img_w, img_h), batch_size=16, class_mode='binary')
val = gen.flow_from_directory('men_women/val', target_size=(img_w, img_h), batch_size=16, class_mode='binary')
model.fit_generator(train, samples_per_epoch=nb_train, nb_epoch=30, validation_data=val, nb_val_samples=nb_val)
