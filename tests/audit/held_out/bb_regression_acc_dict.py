from keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from keras.models import Model
from keras.optimizers import Adam

view = Input(shape=(96, 96, 1))
net = view
for k in (32, 64, 128):
    net = Conv2D(k, (3, 3), activation='elu')(net)
    net = MaxPooling2D()(net)
net = Flatten()(net)
net = Dense(500, activation='elu')(net)
left = Dense(2, name='left_eye')(net)
right = Dense(2, name='right_eye')(net)

keypoints = Model(inputs=[view], outputs=[left, right])
keypoints.compile(optimizer=Adam(lr=1e-3),
                  loss={'left_eye': 'mse', 'right_eye': 'mse'},
                  metrics=['accuracy'])


def train(faces, l, r):
    keypoints.fit(faces, [l, r], epochs=100, batch_size=64, validation_split=.1)
