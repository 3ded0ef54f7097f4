import tensorflow as tf
from sklearn.metrics import classification_report


def evaluate(model, ds):
    truth, guess = [], []
    for x, y in ds:
        p = model.predict_on_batch(x)
        truth.extend(y.numpy())
        guess.extend(tf.argmax(p, axis=1).numpy())
    return classification_report(truth, guess)


def network():
    i = tf.keras.layers.Input((64, 64, 3))
    h = tf.keras.layers.Conv2D(32, 3, activation="relu")(i)
    h = tf.keras.layers.GlobalMaxPooling2D()(h)
    o = tf.keras.layers.Dense(1, activation="sigmoid")(h)
    m = tf.keras.Model(i, o)
    m.compile("adam", "binary_crossentropy")
    return m


folder = tf.keras.utils.image_dataset_from_directory
net = network()
net.fit(folder("smiles/train", image_size=(64, 64)), epochs=5)
print(evaluate(net, folder("smiles/test", image_size=(64, 64))))
