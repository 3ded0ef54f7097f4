"""Bone age and sex from hand radiographs (RSNA)."""
import tensorflow as tf
from tensorflow.keras import Model, layers

INPUT = (256, 256, 1)


def backbone(x):
    for f in (32, 64, 128, 256):
        x = layers.Conv2D(f, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    return layers.GlobalAveragePooling2D()(x)


def build():
    img = layers.Input(INPUT)
    feat = backbone(img)
    months = layers.Dense(64, activation="relu")(feat)
    months = layers.Dense(1, name="months")(months)
    sex = layers.Dense(1, activation="sigmoid", name="sex")(feat)
    return Model(img, {"months": months, "sex": sex})


def compiled(lr=1e-3):
    m = build()
    m.compile(
        optimizer=tf.keras.optimizers.Adam(lr),
        loss={"months": "mae", "sex": "binary_crossentropy"},
        loss_weights={"months": 1.0, "sex": 10.0},
        metrics={"months": ["mae", "accuracy"], "sex": ["accuracy"]},
    )
    return m


if __name__ == "__main__":
    from rsna import sequences
    train, val = sequences(batch=32)
    compiled().fit(train, validation_data=val, epochs=40)
