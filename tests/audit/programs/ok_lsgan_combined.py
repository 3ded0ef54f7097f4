import numpy as np
from keras.layers import Dense, Input, LeakyReLU
from keras.models import Model, Sequential
from keras.optimizers import Adam

dim, noise_dim = 2, 8
opt = Adam(2e-4, 0.5)

critic = Sequential([Dense(64, input_dim=dim), LeakyReLU(0.2), Dense(1)])
critic.compile(loss='mse', optimizer=opt)

maker = Sequential([Dense(64, input_dim=noise_dim), LeakyReLU(0.2), Dense(dim)])
z = Input(shape=(noise_dim,))
critic.trainable = False
both = Model(z, critic(maker(z)))
both.compile(loss='mse', optimizer=opt)

points = np.load("spiral.npy")
for it in range(20000):
    take = points[np.random.randint(0, len(points), 64)]
    fake = maker.predict(np.random.normal(size=(64, noise_dim)), verbose=0)
    critic.train_on_batch(take, np.ones((64, 1)))
    critic.train_on_batch(fake, np.zeros((64, 1)))
    both.train_on_batch(np.random.normal(size=(64, noise_dim)), np.ones((64, 1)))
