import tensorflow as tf
from tensorflow.keras import layers
from tensorflow.keras.metrics import categorical_accuracy

train = tf.keras.utils.image_dataset_from_directory("fruit/train", label_mode="categorical", image_size=(100, 100))
test = tf.keras.utils.image_dataset_from_directory("fruit/test", label_mode="categorical", image_size=(100, 100))


def build(n):
    m = tf.keras.Sequential([
        layers.Rescaling(1 / 255.0),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(n, activation="softmax"),
    ])
    m.compile(optimizer="sgd", loss=categorical_accuracy)
    return m


net = build(len(train.class_names))
net.fit(train, validation_data=test, epochs=5)
