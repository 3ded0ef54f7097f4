"""Two stages: is there a roof at all, and if so, what is it made of."""
import keras
import numpy as np
from keras import layers, losses, metrics


def conv_stack(size):
    img = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255)(img)
    for f in (32, 64, 96):
        x = layers.SeparableConv2D(f, 3, activation="swish", padding="same")(x)
        x = layers.MaxPooling2D()(x)
    return img, layers.GlobalAveragePooling2D()(x)


def roof_detector(size=64):
    img, x = conv_stack(size)
    net = keras.Model(img, layers.Dense(1, name="roof")(x))
    net.compile("adam", losses.BinaryCrossentropy(from_logits=True), metrics=[metrics.BinaryAccuracy(threshold=0.0)])
    return net


def material_classifier(size=64, materials=4):
    img, x = conv_stack(size)
    net = keras.Model(img, layers.Dense(materials, activation="softmax", name="material")(x))
    net.compile("adam", losses.CategoricalCrossentropy(), metrics=[metrics.BinaryAccuracy(name="acc")])
    return net


def pipeline(tiles, is_roof, material):
    first = roof_detector()
    first.fit(tiles, is_roof, epochs=8, validation_split=0.1)
    second = material_classifier()
    roofs = is_roof.ravel() == 1
    second.fit(tiles[roofs], keras.utils.to_categorical(material[roofs], 4), epochs=8)
    found = np.round(first.predict(tiles)).ravel() == 1
    return second.predict(tiles[found]).argmax(-1)
