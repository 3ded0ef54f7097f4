import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras import layers

NUM = 21


def mean_iou(y_true, y_pred):
    y_pred = K.argmax(y_pred)
    y_true = K.cast(K.squeeze(y_true, -1), y_pred.dtype)
    ious = []
    for c in range(NUM):
        a, b = K.equal(y_true, c), K.equal(y_pred, c)
        inter = K.sum(K.cast(tf.logical_and(a, b), "float32"))
        union = K.sum(K.cast(tf.logical_or(a, b), "float32"))
        ious.append((inter + 1e-6) / (union + 1e-6))
    return K.mean(tf.stack(ious))


i = layers.Input((256, 256, 3))
b = tf.keras.applications.MobileNetV2(input_tensor=i, include_top=False)
x = layers.Conv2D(NUM, 1)(b.get_layer("block_13_expand_relu").output)
x = layers.UpSampling2D(16, interpolation="bilinear")(x)
x = layers.Activation("softmax")(x)
fcn = tf.keras.Model(i, x)
fcn.compile("adam", "sparse_categorical_crossentropy", metrics=[mean_iou])
