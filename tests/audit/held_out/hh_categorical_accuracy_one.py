import tensorflow as tf
from tensorflow.keras.layers import Dense, Flatten, Rescaling

train, valid = tf.keras.utils.image_dataset_from_directory(
    "pneumonia", label_mode="binary", validation_split=0.2, subset="both", seed=1, image_size=(128, 128), color_mode="grayscale",
)
m = tf.keras.models.Sequential()
m.add(Rescaling(1.0 / 255, input_shape=(128, 128, 1)))
m.add(Flatten())
m.add(Dense(64, "relu"))
m.add(Dense(1, "sigmoid"))
m.compile(
    optimizer="adam",
    loss="binary_crossentropy",
    metrics=[tf.keras.metrics.CategoricalAccuracy()],
)
m.fit(train, validation_data=valid, epochs=10)
