from keras.layers import Dense, Embedding, GRU, Input
from keras.models import Model

chars = Input(shape=(80,), dtype='int32')
h = Embedding(60, 32)(chars)
h = GRU(64)(h)
lang = Dense(12, activation='softmax', name='lang')(h)
polite = Dense(1, activation='sigmoid', name='polite')(h)
length = Dense(1, name='length')(h)

model = Model(input=chars, output=[lang, polite, length])
model.compile(
    optimizer='rmsprop',
    loss=['categorical_crossentropy', 'binary_crossentropy', 'mean_absolute_error'],
    loss_weights=[1., 1., 1e6],
    metrics={'lang': 'accuracy', 'polite': 'accuracy'},
)


def decode(x):
    l, p, n = model.predict(x)
    return l.argmax(axis=1), (p > 0.5).astype(int)[:, 0], n[:, 0].round()
