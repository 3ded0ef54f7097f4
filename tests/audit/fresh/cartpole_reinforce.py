import gymnasium as gym
import numpy as np
import tensorflow as tf

env = gym.make("CartPole-v1")
policy = tf.keras.Sequential([
    tf.keras.layers.Dense(64, activation="tanh", input_shape=env.observation_space.shape),
    tf.keras.layers.Dense(env.action_space.n, activation="softmax"),
])
policy.compile(loss="sparse_categorical_crossentropy", optimizer=tf.keras.optimizers.Adam(0.01))

for episode in range(800):
    states, actions, rewards = [], [], []
    s, _ = env.reset()
    done = False
    while not done:
        p = policy(s[None]).numpy()[0]
        a = np.random.choice(len(p), p=p / p.sum())
        states.append(s); actions.append(a)
        s, r, end, cut, _ = env.step(a)
        rewards.append(r)
        done = end or cut
    g, returns = 0.0, []
    for r in reversed(rewards):
        g = r + 0.99 * g
        returns.insert(0, g)
    returns = np.array(returns)
    advantage = (returns - returns.mean()) / (returns.std() + 1e-8)
    policy.train_on_batch(np.array(states), np.array(actions), sample_weight=advantage)
    if episode % 50 == 0:
        print(episode, len(rewards))

# play greedily
s, _ = env.reset()
for _ in range(500):
    s, *_ = env.step(int(np.argmax(policy(s[None]))))
