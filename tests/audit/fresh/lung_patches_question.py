# Hi all, my loss does go down a bit but val_acc is stuck at 0.4871 whatever I try.
# 4,000 patches, half nodules. Theano backend.
import numpy as np
from keras.layers import Activation, Convolution2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential

X_train = np.load('patches_train.npy')
y_train = np.load('nodule_train.npy')
X_test = np.load('patches_test.npy')
y_test = np.load('nodule_test.npy')

model = Sequential()
model.add(Convolution2D(32, 3, 3, border_mode='same', input_shape=(1, 40, 40)))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Convolution2D(32, 3, 3))
model.add(Activation('relu'))
model.add(Flatten())
model.add(Dense(output_dim=128))
model.add(Activation('relu'))
model.add(Dropout(0.5))
model.add(Dense(output_dim=1))
model.add(Activation('softmax'))

model.compile(loss='binary_crossentropy', optimizer='adadelta', metrics=['accuracy'])
model.fit(X_train, y_train, batch_size=64, nb_epoch=20, validation_split=0.1)

out = model.predict(X_test)
classes = np.argmax(out, axis=1)
print('right: %d of %d' % ((classes == y_test).sum(), len(y_test)))
