import tensorflow as tf

train = tf.keras.utils.image_dataset_from_directory("birds/train", label_mode="categorical", image_size=(224, 224))
val = tf.keras.utils.image_dataset_from_directory("birds/val", label_mode="categorical", image_size=(224, 224))
n = len(train.class_names)
METRICS = [tf.keras.metrics.CategoricalAccuracy(name="acc"), tf.keras.metrics.TopKCategoricalAccuracy(3, name="top3")]

base = tf.keras.applications.EfficientNetB0(include_top=False, pooling="avg")
base.trainable = False
model = tf.keras.Sequential([base, tf.keras.layers.Dropout(0.3), tf.keras.layers.Dense(n, activation="softmax")])


def stage(rate, epochs):
    model.compile(
        optimizer=tf.keras.optimizers.Adam(rate),
        loss=tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
    )
    model.fit(train, validation_data=val, epochs=epochs)


stage(1e-3, 5)
base.trainable = True
stage(1e-1, 5)  # the second rate should be the smaller one
