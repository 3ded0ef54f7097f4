import tensorflow as tf
import tensorflow.keras.layers as L

train = tf.data.Dataset.load("histo_train")
valid = tf.data.Dataset.load("histo_valid")
net = tf.keras.Sequential([
    L.InputLayer((96, 96, 3)),
    tf.keras.applications.NASNetMobile(include_top=False, weights=None, pooling="avg"),
    L.Dropout(0.5),
    L.Dense(1),
    L.Activation("sigmoid", dtype="float32"),
])
net.compile(
    optimizer=tf.keras.optimizers.SGD(1e-5),
    loss=tf.keras.losses.BinaryCrossentropy(label_smoothing=0.05),
    metrics=["accuracy", tf.keras.metrics.AUC()],
)
net.fit(train.batch(32), validation_data=valid.batch(32), epochs=2)
p = net.predict(valid.batch(32))[:, 0]
print((p >= 0.5).mean())
