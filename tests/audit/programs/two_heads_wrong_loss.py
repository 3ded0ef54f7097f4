import keras
from keras import layers

inputs = keras.Input((64, 64, 3), name="photo")
h = layers.Conv2D(32, 3, activation="relu")(inputs)
h = layers.MaxPooling2D()(h)
h = layers.Conv2D(64, 3, activation="relu")(h)
h = layers.GlobalAveragePooling2D()(h)
age = layers.Dense(1, name="age")(h)
sex = layers.Dense(1, activation="sigmoid", name="sex")(h)
race = layers.Dense(5, activation="sigmoid", name="race")(h)

model = keras.Model(inputs, {"age": age, "sex": sex, "race": race})
model.compile(
    optimizer="adam",
    loss={
        "age": "mae",
        "sex": "binary_crossentropy",
        "race": "categorical_crossentropy",
    },
    loss_weights={"age": 0.05, "sex": 1.0, "race": 1.0},
    metrics={"age": ["mae"], "sex": ["accuracy"], "race": ["accuracy"]},
)


def fit(photos, ages, sexes, races, epochs=20):
    targets = {"age": ages, "sex": sexes, "race": keras.utils.to_categorical(races, 5)}
    return model.fit(photos, targets, validation_split=0.1, epochs=epochs)
