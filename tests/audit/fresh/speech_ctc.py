import numpy as np
from keras import backend as K
from keras.layers import GRU, Activation, Bidirectional, Dense, Input, Lambda, TimeDistributed
from keras.models import Model
from keras.optimizers import SGD

ALPHABET = " abcdefghijklmnopqrstuvwxyz'"


def ctc(args):
    y_pred, labels, input_length, label_length = args
    return K.ctc_batch_cost(labels, y_pred[:, 2:, :], input_length, label_length)


frames = Input(name='frames', shape=(None, 161))
h = TimeDistributed(Dense(512, activation='relu'))(frames)
h = Bidirectional(GRU(256, return_sequences=True))(h)
h = TimeDistributed(Dense(len(ALPHABET) + 1))(h)
y_pred = Activation('softmax', name='letters')(h)

labels = Input(name='labels', shape=[None], dtype='float32')
input_length = Input(name='input_length', shape=[1], dtype='int64')
label_length = Input(name='label_length', shape=[1], dtype='int64')
loss_out = Lambda(ctc, output_shape=(1,), name='ctc')([y_pred, labels, input_length, label_length])

model = Model(inputs=[frames, labels, input_length, label_length], outputs=loss_out)
model.compile(loss={'ctc': lambda y_true, y_pred: y_pred}, optimizer=SGD(lr=0.02, decay=1e-6, momentum=0.9, nesterov=True, clipnorm=5))


def greedy(probabilities):
    best = np.argmax(probabilities, axis=2)[0]
    out = []
    for k in range(len(best)):
        if best[k] != len(ALPHABET) and (k == 0 or best[k] != best[k - 1]):
            out.append(ALPHABET[best[k]])
    return ''.join(out)
