import numpy as np
import tensorflow as tf

TAGS = 4
X, Y = np.load("songs_mel.npy"), np.load("songs_tags.npy")  # Y: (n, 4), a song has zero to four tags
counts = Y.sum(axis=0)
weights = {k: len(Y) / (TAGS * counts[k]) for k in range(TAGS)}

net = tf.keras.Sequential()
net.add(tf.keras.layers.InputLayer(input_shape=X.shape[1:]))
net.add(tf.keras.layers.Conv2D(16, (3, 3), activation="relu"))
net.add(tf.keras.layers.GlobalAveragePooling2D())
net.add(tf.keras.layers.Dense(TAGS, activation="sigmoid"))
net.compile(optimizer="adam", loss="binary_crossentropy", metrics=[tf.keras.metrics.AUC(multi_label=True)])
net.fit(X, Y, epochs=10, class_weight=weights)
