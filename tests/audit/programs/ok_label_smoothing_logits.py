import tensorflow as tf
from tensorflow.keras import layers

NUM = 100
(x, y), (xv, yv) = tf.keras.datasets.cifar100.load_data()
y, yv = tf.keras.utils.to_categorical(y, NUM), tf.keras.utils.to_categorical(yv, NUM)

inp = layers.Input((32, 32, 3))
t = layers.Rescaling(1 / 127.5, offset=-1)(inp)
for i, f in enumerate((64, 128, 256)):
    t = layers.Conv2D(f, 3, padding="same", use_bias=False)(t)
    t = layers.BatchNormalization()(t)
    t = layers.Activation("swish")(t)
    t = layers.MaxPool2D()(t)
t = layers.GlobalAveragePooling2D()(t)
logits = layers.Dense(NUM)(t)
model = tf.keras.Model(inp, logits)
model.compile(
    optimizer=tf.keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    loss=tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    metrics=["accuracy", tf.keras.metrics.TopKCategoricalAccuracy(5)],
)
model.fit(x, y, batch_size=128, epochs=60, validation_data=(xv, yv))
probs = tf.nn.softmax(model.predict(xv))
