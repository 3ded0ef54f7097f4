# denoising autoencoder for quickdraw bitmaps; pixels in [0, 1], so bce per pixel is fine
import numpy as np
import keras
from keras.layers import Conv2D, Conv2DTranspose, GaussianNoise, Input

cats = np.load('full_numpy_bitmap_cat.npy').reshape(-1, 28, 28, 1) / 255.
train, held = cats[:100000], cats[100000:]

i = Input((28, 28, 1))
x = GaussianNoise(0.3)(i)
x = Conv2D(16, 3, 2, padding='same', activation='relu')(x)
code = Conv2D(8, 3, 2, padding='same', activation='relu')(x)
x = Conv2DTranspose(8, 3, 2, padding='same', activation='relu')(code)
x = Conv2DTranspose(16, 3, 2, padding='same', activation='relu')(x)
o = Conv2D(1, 3, padding='same', activation='sigmoid')(x)

ae = keras.Model(i, o)
ae.compile('adadelta', 'binary_crossentropy')
ae.fit(train, train, batch_size=256, epochs=3, validation_data=(held, held))
print('mean squared error', np.mean((ae.predict(held) - held) ** 2))
