import tensorflow as tf
from tensorflow.keras.layers import Dense, Dot, Embedding, Input, Reshape
from tensorflow.keras.models import Model
from tensorflow.keras.preprocessing.sequence import make_sampling_table, skipgrams

V, D = 5000, 100
target, context = Input((1,)), Input((1,))
emb = Embedding(V, D, input_length=1)
t = Reshape((D, 1))(emb(target))
c = Reshape((D, 1))(emb(context))
dot = Reshape((1,))(Dot(axes=1)([t, c]))
out = Dense(1, activation="sigmoid")(dot)
w2v = Model([target, context], out)
w2v.compile(loss="binary_crossentropy", optimizer="rmsprop")
near = Model([target, context], Dot(axes=1, normalize=True)([t, c]))


def train(words):
    pairs, labels = skipgrams(words, V, window_size=3, sampling_table=make_sampling_table(V))
    for (a, b), y in zip(pairs, labels):  # one pair at a time, this takes for ever
        w2v.train_on_batch([tf.constant([[a]]), tf.constant([[b]])], tf.constant([[y]]))
