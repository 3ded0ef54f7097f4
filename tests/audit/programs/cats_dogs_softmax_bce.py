import os
import tensorflow as tf
from tensorflow.keras.preprocessing.image import ImageDataGenerator

BASE = os.environ.get("DATA", "cats_and_dogs")
IMG = (150, 150)

train_gen = ImageDataGenerator(rescale=1.0 / 255, horizontal_flip=True).flow_from_directory(
    os.path.join(BASE, "train"), target_size=IMG, batch_size=20, class_mode="categorical"
)
val_gen = ImageDataGenerator(rescale=1.0 / 255).flow_from_directory(
    os.path.join(BASE, "validation"), target_size=IMG, batch_size=20, class_mode="categorical"
)

model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Conv2D(16, (3, 3), activation="relu", input_shape=(150, 150, 3)),
        tf.keras.layers.MaxPooling2D(2, 2),
        tf.keras.layers.Conv2D(32, (3, 3), activation="relu"),
        tf.keras.layers.MaxPooling2D(2, 2),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(512, activation="relu"),
        tf.keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(loss="binary_crossentropy", optimizer=tf.keras.optimizers.RMSprop(learning_rate=1e-3), metrics=["acc"])
history = model.fit(train_gen, validation_data=val_gen, steps_per_epoch=100, epochs=15, validation_steps=50)
