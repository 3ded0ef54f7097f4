import tensorflow as tf
from tensorflow.keras import layers
from tensorflow.keras import backend as K

CHARS = "abcdefghijklmnopqrstuvwxyz "


class CTCLayer(layers.Layer):
    def call(self, y_true, y_pred):
        batch = tf.cast(tf.shape(y_true)[0], "int64")
        in_len = tf.cast(tf.shape(y_pred)[1], "int64") * tf.ones((batch, 1), "int64")
        lab_len = tf.cast(tf.shape(y_true)[1], "int64") * tf.ones((batch, 1), "int64")
        self.add_loss(K.ctc_batch_cost(y_true, y_pred, in_len, lab_len))
        return y_pred


image = layers.Input((200, 50, 1), name="image")
label = layers.Input((None,), name="label")
x = layers.Conv2D(32, 3, activation="relu", padding="same")(image)
x = layers.MaxPooling2D((2, 2))(x)
x = layers.Conv2D(64, 3, activation="relu", padding="same")(x)
x = layers.MaxPooling2D((2, 2))(x)
x = layers.Reshape((50, 12 * 64))(x)
x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(x)
x = layers.Dense(len(CHARS) + 1, activation="softmax")(x)
out = CTCLayer()(label, x)
model = tf.keras.Model([image, label], out)
model.compile(optimizer="adam")
reader = tf.keras.Model(image, x)
