import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class CosineHead(layers.Layer):
    """Scaled cosines between features and class centres: logits."""

    def __init__(self, classes, scale=30.0, **kw):
        super().__init__(**kw)
        self.classes, self.scale = classes, scale

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.classes), initializer="glorot_uniform", name="centres")

    def call(self, x):
        return self.scale * ops.matmul(ops.normalize(x, axis=-1), ops.normalize(self.w, axis=0))

    def get_config(self):
        return {**super().get_config(), "classes": self.classes, "scale": self.scale}


def recogniser(people, shape=(112, 112, 3)):
    i = keras.Input(shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(i)
    x = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=shape, pooling="avg")(x)
    x = layers.Dense(512, name="embedding")(x)
    m = keras.Model(i, CosineHead(people)(x))
    m.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["sparse_categorical_accuracy"])
    return m


if __name__ == "__main__":
    train = keras.utils.image_dataset_from_directory("faces/train", image_size=(112, 112))
    model = recogniser(len(train.class_names))
    model.fit(train, epochs=30)
    keras.Model(model.input, model.get_layer("embedding").output).save("embedder.keras")
