from tensorflow.keras.applications import MobileNet
from tensorflow.keras.applications.mobilenet import preprocess_input
from tensorflow.keras.layers import Dense, GlobalAveragePooling2D
from tensorflow.keras.models import Model
from tensorflow.keras.preprocessing.image import ImageDataGenerator

gen = ImageDataGenerator(preprocessing_function=preprocess_input)
train = gen.flow_from_directory("breeds/train", classes=["beagle", "collie", "husky", "poodle"],
                                target_size=(224, 224), batch_size=32, class_mode="categorical")

base = MobileNet(weights="imagenet", include_top=False, input_shape=(224, 224, 3))
base.trainable = False
x = GlobalAveragePooling2D()(base.output)
x = Dense(1024, activation="relu")(x)
x = Dense(1024, activation="relu")(x)
x = Dense(512, activation="relu")(x)
preds = Dense(2, activation="softmax")(x)
model = Model(inputs=base.input, outputs=preds)
model.compile(optimizer="Adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(train, steps_per_epoch=train.n // train.batch_size, epochs=10)
