import keras
import numpy as np
from keras import layers

captions = np.load("caption_vectors.npy")  # unit length
pixels = keras.Input((128, 128, 3))
z = keras.applications.MobileNetV3Small(include_top=False, weights=None, pooling="avg", input_shape=(128, 128, 3))(pixels)
z = layers.Dense(512, activation="relu")(z)
z = layers.Dense(captions.shape[1])(z)
z = layers.UnitNormalization()(z)
net = keras.Model(pixels, z)
net.compile("adam", loss=keras.losses.CosineSimilarity(), metrics=["cosine_similarity"])
net.fit(np.load("pictures.npy"), captions, epochs=2, batch_size=2)
sim = net.predict(np.load("new.npy")) @ captions.T
print(np.argmax(sim, axis=1))
