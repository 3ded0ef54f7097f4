import numpy as np
import tensorflow as tf
from tensorflow import keras

clf = keras.applications.Xception(weights="imagenet")


def heatmap(img, layer="block14_sepconv2_act"):
    grad_model = keras.models.Model(clf.inputs, [clf.get_layer(layer).output, clf.output])
    with tf.GradientTape() as tape:
        conv, preds = grad_model(img)
        top = tf.argmax(preds[0])
        score = preds[:, top]
    grads = tape.gradient(score, conv)
    pooled = tf.reduce_mean(grads, axis=(0, 1, 2))
    cam = tf.squeeze(conv[0] @ pooled[..., tf.newaxis])
    return (tf.maximum(cam, 0) / tf.reduce_max(cam)).numpy()


if __name__ == "__main__":
    raw = keras.utils.load_img("elephant.jpg", target_size=(299, 299))
    arr = keras.applications.xception.preprocess_input(np.array(raw, dtype="float32")[None])
    probs = clf.predict(arr)
    print(keras.applications.xception.decode_predictions(probs, top=1)[0], int(np.argmax(probs[0])))
    print(heatmap(arr).shape)
