import tensorflow as tf
from tensorflow.keras.applications import DenseNet121

ds = dict(image_size=(224, 224), batch_size=16, label_mode="binary")
train = tf.keras.utils.image_dataset_from_directory("chest/train", **ds)
val = tf.keras.utils.image_dataset_from_directory("chest/val", **ds)

base = DenseNet121(include_top=False, weights="imagenet", pooling="avg")
base.trainable = True  # all of it, from the first step on
inp = tf.keras.Input((224, 224, 3))
h = base(inp)  # no preprocessing
h = tf.keras.layers.Dropout(0.3)(h)
out = tf.keras.layers.Dense(1, activation="sigmoid", dtype="float32")(h)
model = tf.keras.Model(inp, out)
model.compile(
    optimizer=tf.keras.optimizers.Adam(0.01),
    loss="binary_crossentropy",
    metrics=[
        tf.keras.metrics.BinaryAccuracy(name="acc"),
        tf.keras.metrics.Precision(name="precision"),
        tf.keras.metrics.Recall(name="recall"),
        tf.keras.metrics.AUC(name="auc"),
    ],
)
model.fit(train, validation_data=val, epochs=5)
