import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Dense, Dropout, Input
from tensorflow.keras.models import Model


def weighted_bce(w):
    def loss(y_true, y_pred):
        y_true = K.cast(y_true, y_pred.dtype)
        ce = K.binary_crossentropy(y_true, y_pred, from_logits=True)
        return K.mean(ce * (1.0 + (w - 1.0) * y_true), axis=-1)

    return loss


i = Input((40,))
h = Dense(20, activation="relu")(i)
h = Dropout(0.2)(h)
o = Dense(1, activation="sigmoid")(h)
model = Model(i, o)
model.compile(optimizer="adam", loss=weighted_bce(8.0))


def fit(ds, val_ds):
    model.fit(ds, validation_data=val_ds, epochs=20,
              callbacks=[tf.keras.callbacks.EarlyStopping(patience=3)])
