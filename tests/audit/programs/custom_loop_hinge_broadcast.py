import numpy as np
import tensorflow as tf

features = np.load("beats.npy").astype("float32")
labels = np.load("beat_labels.npy").astype("float32") * 2 - 1  # shape (n,)

model = tf.keras.Sequential([
    tf.keras.layers.Input((187,)),
    tf.keras.layers.Dense(64, activation="relu"),
    tf.keras.layers.Dense(1),
])
optimizer = tf.keras.optimizers.Adam(1e-3)
dataset = tf.data.Dataset.from_tensor_slices((features, labels)).shuffle(10000).batch(128)


@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        margin = model(x, training=True)
        loss = tf.reduce_mean(tf.keras.losses.hinge(y, margin))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return loss


for epoch in range(10):
    for x, y in dataset:
        loss = step(x, y)
    print(epoch, float(loss))
