from keras.applications.inception_v3 import InceptionV3, preprocess_input
from keras.layers import Dense, GlobalAveragePooling2D
from keras.models import Model
from keras.preprocessing.image import ImageDataGenerator

W, H = 299, 299
dg = ImageDataGenerator(preprocessing_function=preprocess_input, rotation_range=40, zoom_range=.2)
it = dg.flow_from_directory(directory='./garbage/train', target_size=(W, H), class_mode='sparse', batch_size=32)
vt = dg.flow_from_directory(directory='./garbage/valid', target_size=(W, H), class_mode='sparse', batch_size=32)

inc = InceptionV3(weights='imagenet', include_top=False)
z = GlobalAveragePooling2D()(inc.output)
z = Dense(1024, activation='relu')(z)
z = Dense(6, activation='softmax')(z)
garbage = Model(inputs=inc.input, outputs=z)
for l in inc.layers:
    l.trainable = False
garbage.compile(optimizer='rmsprop', loss='categorical_crossentropy', metrics=['accuracy'])
garbage.fit_generator(it, steps_per_epoch=80, epochs=3, validation_data=vt, validation_steps=20)
