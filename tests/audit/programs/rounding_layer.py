import numpy as np
from keras import backend as K
from keras.layers import Dense, Input, Lambda
from keras.models import Model

x = np.random.rand(3000, 12)
y = (x.sum(axis=1) > 6).astype("float32")

a = Input(shape=(12,))
b = Dense(24, activation="relu")(a)
c = Dense(1, activation="sigmoid")(b)
d = Lambda(lambda t: K.round(t))(c)
model = Model(inputs=a, outputs=d)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x[:2500], y[:2500], epochs=20)
print(model.predict(x[2500:])[:10])
