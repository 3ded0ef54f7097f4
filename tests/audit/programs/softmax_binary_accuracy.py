from tensorflow.keras.applications.resnet50 import ResNet50, preprocess_input
from tensorflow.keras.layers import Dense, Dropout, GlobalAveragePooling2D
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers import Adam
from tensorflow.keras.utils import image_dataset_from_directory

SIZE = (224, 224)
train = image_dataset_from_directory("xray/train", image_size=SIZE, label_mode="categorical",
                                     class_names=["covid", "normal", "pneumonia"])
val = image_dataset_from_directory("xray/val", image_size=SIZE, label_mode="categorical",
                                   class_names=["covid", "normal", "pneumonia"])
train = train.map(lambda a, b: (preprocess_input(a), b))
val = val.map(lambda a, b: (preprocess_input(a), b))

body = ResNet50(include_top=False, weights="imagenet", input_shape=SIZE + (3,))
body.trainable = False
head = GlobalAveragePooling2D()(body.output)
head = Dropout(0.4)(head)
head = Dense(3, activation="softmax")(head)
net = Model(body.input, head)
net.compile(Adam(1e-4), loss="categorical_crossentropy", metrics=["binary_accuracy"])
net.fit(train, validation_data=val, epochs=10)
