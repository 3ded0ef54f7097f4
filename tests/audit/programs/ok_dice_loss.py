import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Conv3D, Input, MaxPooling3D, UpSampling3D, concatenate
from tensorflow.keras.models import Model


def dice(y_true, y_pred, smooth=1.0):
    t, p = K.flatten(y_true), K.flatten(y_pred)
    return (2.0 * K.sum(t * p) + smooth) / (K.sum(t) + K.sum(p) + smooth)


def dice_loss(y_true, y_pred):
    return 1 - dice(y_true, y_pred)


vol = Input((32, 64, 64, 1))
a = Conv3D(16, 3, padding="same", activation="relu")(vol)
b = MaxPooling3D()(a)
b = Conv3D(32, 3, padding="same", activation="relu")(b)
b = UpSampling3D()(b)
b = concatenate([a, b])
seg = Conv3D(1, 1, activation="sigmoid")(b)
net = Model(vol, seg)
net.compile(optimizer=tf.keras.optimizers.Adam(1e-5), loss=dice_loss, metrics=[dice])
