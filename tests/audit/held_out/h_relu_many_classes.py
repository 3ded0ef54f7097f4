import tensorflow as tf
from tensorflow.keras.applications import VGG16

IMG, N = 150, 6
train = tf.keras.utils.image_dataset_from_directory("scenes/train", image_size=(IMG, IMG))
test = tf.keras.utils.image_dataset_from_directory("scenes/test", image_size=(IMG, IMG))
vgg = VGG16(include_top=False, input_shape=(IMG, IMG, 3))
for layer in vgg.layers:
    layer.trainable = False

flat = tf.keras.layers.Flatten()(vgg.layers[-1].output)
fc = tf.keras.layers.Dense(256, activation="relu")(flat)
fc = tf.keras.layers.Dense(N, activation="relu")(fc)
model = tf.keras.models.Model(vgg.input, fc)
model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(train, epochs=4, validation_data=test)
