import tensorflow as tf
from tensorflow import keras

IMG = 180
data_dir = "insects/"

train_ds = keras.utils.image_dataset_from_directory(data_dir, validation_split=0.2, subset="training", seed=7, image_size=(IMG, IMG), batch_size=32)
val_ds = keras.utils.image_dataset_from_directory(data_dir, validation_split=0.2, subset="validation", seed=7, image_size=(IMG, IMG), batch_size=32)
class_names = train_ds.class_names
AUTOTUNE = tf.data.AUTOTUNE
train_ds = train_ds.cache().shuffle(500).prefetch(AUTOTUNE)

backbone = keras.applications.EfficientNetB0(include_top=False, pooling="avg", input_shape=(IMG, IMG, 3))
backbone.trainable = False

model = keras.Sequential([
    keras.layers.RandomFlip("horizontal"),
    backbone,
    keras.layers.Dropout(0.2),
    keras.layers.Dense(len(class_names), name="outputs"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train_ds, validation_data=val_ds, epochs=12)
