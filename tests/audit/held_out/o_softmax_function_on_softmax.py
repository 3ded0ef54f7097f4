import tensorflow as tf
from tensorflow.keras import layers

encoder_in = tf.keras.Input((None,), dtype="int64")
x = layers.Embedding(30000, 128)(encoder_in)
x = layers.Bidirectional(layers.GRU(64))(x)
x = layers.Dense(64, activation="relu")(x)
x = layers.Dense(20, activation="softmax")(x)
probs = tf.nn.softmax(x)
model = tf.keras.Model(encoder_in, probs)
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=tf.keras.optimizers.Adam(2e-4),
    metrics=["accuracy"],
)


def train(train_ds, val_ds):
    return model.fit(train_ds, validation_data=val_ds, epochs=10)
