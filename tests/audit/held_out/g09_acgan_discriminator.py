from keras.layers import Conv2D, Dense, Dropout, Flatten, Input, LeakyReLU
from keras.models import Model
from keras.optimizers import Adam


def build_discriminator(n_classes=10):
    img = Input(shape=(28, 28, 1))
    x = img
    for f, s in ((32, 2), (64, 1), (128, 2)):
        x = Conv2D(f, (3, 3), padding='same', strides=s)(x)
        x = LeakyReLU(0.2)(x)
        x = Dropout(0.3)(x)
    x = Flatten()(x)
    fake = Dense(1, activation='sigmoid', name='generation')(x)
    aux = Dense(n_classes, activation='softmax', name='auxiliary')(x)
    return Model(img, [fake, aux])


d = build_discriminator()
d.compile(optimizer=Adam(lr=0.0002, beta_1=0.5), loss=['binary_crossentropy', 'sparse_categorical_crossentropy'])


def decide(pictures):
    p, c = d.predict(pictures)
    return p[:, 0] > 0.5, c.argmax(axis=1)
