import keras
import numpy as np
from keras import ops

share = np.load("votes_share.npy")  # one share per district, shape (n,)
feats = np.load("votes_feats.npy")
head = keras.Sequential([keras.Input((feats.shape[1],)), keras.layers.Dense(1, activation="sigmoid")])
head.compile(optimizer="adam", loss="binary_crossentropy")
head.fit(feats, share, epochs=30, verbose=0)

p = head.predict(feats)
gap = keras.losses.kl_divergence(share, p)
print("divergence", float(ops.mean(gap)))
order = np.argsort(-np.abs(p[:, 0] - share))
for k in order[:10]:
    print(k, share[k], p[k, 0])
