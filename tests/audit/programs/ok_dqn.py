import random
from collections import deque

import gym
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import Adam


class DQNAgent:
    def __init__(self, n_state, n_action):
        self.n_action = n_action
        self.memory = deque(maxlen=2000)
        self.epsilon = 1.0
        self.model = Sequential()
        self.model.add(Dense(24, input_dim=n_state, activation='relu'))
        self.model.add(Dense(24, activation='relu'))
        self.model.add(Dense(n_action, activation='linear'))
        self.model.compile(loss='mse', optimizer=Adam(lr=0.001))

    def act(self, state):
        if np.random.rand() <= self.epsilon:
            return random.randrange(self.n_action)
        return np.argmax(self.model.predict(state)[0])

    def replay(self, size):
        for s, a, r, s2, done in random.sample(self.memory, size):
            target = self.model.predict(s)
            target[0][a] = r if done else r + 0.95 * np.amax(self.model.predict(s2)[0])
            self.model.fit(s, target, epochs=1, verbose=0)
        self.epsilon = max(0.01, self.epsilon * 0.995)


env = gym.make('CartPole-v1')
agent = DQNAgent(4, 2)
for e in range(300):
    s = np.reshape(env.reset(), [1, 4])
    for t in range(500):
        a = agent.act(s)
        nxt, r, done, _ = env.step(a)
        agent.memory.append((s, a, r, np.reshape(nxt, [1, 4]), done))
        s = np.reshape(nxt, [1, 4])
        if done:
            break
