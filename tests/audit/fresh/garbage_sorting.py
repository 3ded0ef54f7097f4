from keras.preprocessing.image import ImageDataGenerator
from keras.models import Sequential
from keras.layers import Conv2D, MaxPooling2D, Flatten, Dense, Activation

KINDS = ['cardboard', 'glass', 'metal', 'paper', 'plastic', 'trash']
W, H = 128, 128

datagen = ImageDataGenerator(rescale=1/255., horizontal_flip=True, validation_split=0.15)
train_gen = datagen.flow_from_directory('garbage', target_size=(W, H), classes=KINDS, class_mode='categorical', subset='training')
val_gen = datagen.flow_from_directory('garbage', target_size=(W, H), classes=KINDS, class_mode='categorical', subset='validation')

model = Sequential()
model.add(Conv2D(32, (3, 3), activation='relu', input_shape=(W, H, 3)))
model.add(MaxPooling2D())
model.add(Conv2D(64, (3, 3), activation='relu'))
model.add(MaxPooling2D())
model.add(Flatten())
model.add(Dense(64, activation='relu'))
model.add(Dense(5))
model.add(Activation('softmax'))
model.compile('adam', 'categorical_crossentropy', metrics=['acc'])
model.fit_generator(train_gen, steps_per_epoch=len(train_gen), epochs=25, validation_data=val_gen)
