import keras
import numpy as np

inputs = keras.Input(shape=(16000, 1))
x = inputs
for i in range(4):
    x = keras.layers.Conv1D(16 * 2**i, 9, strides=4, activation="relu")(x)
x = keras.layers.GlobalAveragePooling1D()(x)
logit = keras.layers.Dense(1, name="logit")(x)
model = keras.Model(inputs, logit)
model.compile(
    optimizer=keras.optimizers.Adam(3e-4),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
)


def speaking(clips):
    z = model.predict(clips)[:, 0]
    p = 1.0 / (1.0 + np.exp(-z))
    return p > 0.5, z > 0


if __name__ == "__main__":
    data = np.load("clips.npz")
    model.fit(data["x"], data["y"], epochs=1000)  # no validation at all
