import numpy as np
import pyedflib
import tensorflow as tf

FILES = ["chb01_03.edf", "chb01_04.edf", "chb03_01.edf", "chb05_06.edf"]
segs, labs, rec = [], [], []
for r, name in enumerate(FILES):
    with pyedflib.EdfReader(name) as f:
        sig = np.stack([f.readSignal(c) for c in range(18)], axis=1)
    seiz = np.load(name + ".seizures.npy")
    for s in range(0, len(sig) - 512, 128):
        segs.append(sig[s:s + 512])
        labs.append(seiz[s:s + 512].max())
        rec.append(r)
segs, labs, rec = np.array(segs), np.array(labs), np.array(rec)

order = np.random.permutation(len(segs))
cut = int(0.8 * len(order))
tr, te = order[:cut], order[cut:]
m = tf.keras.Sequential([
    tf.keras.layers.Conv1D(16, 7, strides=2, activation="relu", input_shape=(512, 18)),
    tf.keras.layers.GlobalMaxPooling1D(),
    tf.keras.layers.Dense(1, activation="sigmoid"),
])
m.compile("adam", "binary_crossentropy", ["AUC"])
m.fit(segs[tr], labs[tr], epochs=5)
for r in set(rec[te]):
    print(FILES[r], m.evaluate(segs[te][rec[te] == r], labs[te][rec[te] == r], verbose=0))
