import keras
from keras import layers, ops


def block(x, n):
    x = layers.Conv2D(n, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(n, 3, padding="same", activation="relu")(x)


def unet(size=128, classes=1):
    inputs = keras.Input((size, size, 1))
    a = block(inputs, 16)
    b = block(layers.MaxPooling2D()(a), 32)
    c = block(layers.MaxPooling2D()(b), 64)
    d = block(layers.concatenate([layers.UpSampling2D()(c), b]), 32)
    e = block(layers.concatenate([layers.UpSampling2D()(d), a]), 16)
    mask = layers.Conv2D(classes, 1, activation="sigmoid", name="mask")(e)
    return keras.Model(inputs, mask)


model = unet()
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryIoU(target_class_ids=[1])],
)


def fit(images, masks):
    return model.fit(images, masks, batch_size=8, epochs=25, validation_split=0.2)
