"""WideResNet-ish on CIFAR-100, label smoothing, cosine schedule. Learning rate is far too high on purpose."""
import keras
from keras import layers, ops

K = 100
(x, y), (xt, yt) = keras.datasets.cifar100.load_data()
x, xt = x.astype("float32") / 255.0, xt.astype("float32") / 255.0


def unit(x, f, s):
    y = layers.Conv2D(f, 3, strides=s, padding="same")(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.Conv2D(f, 3, padding="same")(y)
    if s != 1 or x.shape[-1] != f:
        x = layers.Conv2D(f, 1, strides=s)(x)
    return layers.ReLU()(layers.add([x, y]))


inp = h = keras.Input((32, 32, 3))
for f, s in [(64, 1), (128, 2), (256, 2)]:
    h = unit(unit(h, f, s), f, 1)
logits = layers.Dense(K)(layers.GlobalAveragePooling2D()(h))
net = keras.Model(inp, logits)
rate = keras.optimizers.schedules.CosineDecay(5.0, decay_steps=20_000)
net.compile(
    optimizer=keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(5)],
)
net.fit(x, keras.utils.to_categorical(y, K), batch_size=128, epochs=60)
pred = ops.argmax(net.predict(xt), axis=-1)
print("error", 1 - float(ops.mean(ops.cast(ops.equal(pred, yt[:, 0]), "float32"))))
