import tensorflow as tf
from tensorflow.keras import layers

train = tf.keras.utils.text_dataset_from_directory("tweets/train", batch_size=64)
val = tf.keras.utils.text_dataset_from_directory("tweets/val", batch_size=64)

encode = layers.TextVectorization(max_tokens=15000, output_sequence_length=60)
encode.adapt(train.map(lambda t, _: t))

inputs = tf.keras.Input(shape=(1,), dtype=tf.string)
x = encode(inputs)
x = layers.Embedding(15001, 64, mask_zero=True)(x)
x = layers.Bidirectional(layers.LSTM(32))(x)
x = layers.Dense(1, activation="sigmoid")(x)
model = tf.keras.Model(inputs, x)
model.compile(
    loss="binary_crossentropy",
    optimizer="adam",
    metrics=["accuracy", tf.keras.metrics.F1Score(name="f1")],
)
model.fit(train, validation_data=val, epochs=5)
