import numpy as np
import keras as K

bits = np.random.randint(0, 2, (4000, 6))
parity = bits.sum(1) % 2
onehot = np.zeros((4000, 2))
onehot[np.arange(4000), parity] = 1

net = K.models.Sequential()
net.add(K.layers.Dense(units=4, input_dim=6, activation="relu"))
net.add(K.layers.Dense(units=2, activation="softmax"))
opt = K.optimizers.SGD(learning_rate=0.0001)
net.compile(optimizer=opt, loss="categorical_crossentropy", metrics=["categorical_accuracy"])
net.fit(bits[:3000], onehot[:3000], batch_size=3000, epochs=3)
said = net.predict(bits[3000:])
print("parity right", np.mean((said[:, 1] > said[:, 0]) == parity[3000:]))
print("sure of odd", np.mean(said[:, 1] > 0.5))
print("sure of even", np.mean(said[:, 0] > 0.5))  # the even ones are asked for here
