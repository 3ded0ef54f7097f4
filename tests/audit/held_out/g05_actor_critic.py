import keras
import numpy as np
import tensorflow as tf
from keras import layers

n_obs, n_act = 8, 4
inp = keras.Input((n_obs,))
h = layers.Dense(128, activation="relu")(inp)
actor = layers.Dense(n_act, activation="softmax")(h)
critic = layers.Dense(1)(h)
agent = keras.Model(inp, [actor, critic])
opt = keras.optimizers.Adam(0.01)
huber = keras.losses.Huber()


def episode(env, gamma=0.99):
    s, _ = env.reset()
    logp, values, rewards = [], [], []
    with tf.GradientTape() as tape:
        for _ in range(1000):
            p, v = agent(tf.convert_to_tensor(s)[None])
            a = np.random.choice(n_act, p=np.squeeze(p))
            logp.append(tf.math.log(p[0, a]))
            values.append(v[0, 0])
            s, r, done, _, _ = env.step(a)
            rewards.append(r)
            if done:
                break
        g, returns = 0.0, []
        for r in rewards[::-1]:
            g = r + gamma * g
            returns.insert(0, g)
        loss = sum(-lp * (ret - v) + huber([v], [ret]) for lp, v, ret in zip(logp, values, returns))
    opt.apply_gradients(zip(tape.gradient(loss, agent.trainable_variables), agent.trainable_variables))
    return sum(rewards)
