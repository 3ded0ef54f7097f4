"""config/heads.py and train.py of our EEG project, put into one file for the forum."""
import numpy as np
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Dense, Flatten
from tensorflow.keras.losses import BinaryCrossentropy
from tensorflow.keras.optimizers import Adam

mlp_cf = {
    'training': {'loss_function': BinaryCrossentropy(), 'optimizer': Adam(0.001), 'epochs': 10, 'batch_size': 32},
    'model': [
        Flatten(),
        Dense(units=32, activation='relu'),
        Dense(units=16, activation='relu'),
        Dense(units=1, activation='softmax'),
    ],
}


def run(cf, x, y):
    net = Sequential(cf['model'])
    t = cf['training']
    net.compile(optimizer=t['optimizer'], loss=t['loss_function'], metrics=['accuracy'])
    return net.fit(x, y, epochs=t['epochs'], batch_size=t['batch_size'], validation_split=0.2)


if __name__ == '__main__':
    run(mlp_cf, np.load('x.npy'), np.load('y.npy'))
