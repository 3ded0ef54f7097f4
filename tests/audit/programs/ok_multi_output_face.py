import keras
from keras import layers


def trunk(x):
    for n in (32, 64, 128):
        x = layers.SeparableConv2D(n, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    return layers.GlobalAveragePooling2D()(x)


face = keras.Input((64, 64, 3), name="face")
h = trunk(face)
outs = {
    "age": layers.Dense(1, activation="relu", name="age")(h),
    "glasses": layers.Dense(1, activation="sigmoid", name="glasses")(h),
    "emotion": layers.Dense(7, activation="softmax", name="emotion")(h),
}
net = keras.Model(face, outs)
net.compile(
    "adam",
    loss={"age": "mse", "glasses": "binary_crossentropy", "emotion": "sparse_categorical_crossentropy"},
    metrics={"age": "mae", "glasses": "accuracy", "emotion": "accuracy"},
)


def run(ds):
    # age dwarfs the other two losses: no weights are given
    net.fit(ds, epochs=30)
    p = net.predict(ds)
    return p["age"][:, 0], p["glasses"][:, 0] > 0.5, p["emotion"].argmax(axis=-1)
