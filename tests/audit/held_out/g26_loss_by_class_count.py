import argparse

from tensorflow.keras import applications, layers, models
from tensorflow.keras.utils import image_dataset_from_directory

p = argparse.ArgumentParser()
p.add_argument("folder")
p.add_argument("--net", default="MobileNetV2", choices=["MobileNetV2", "DenseNet121", "VGG19"])
p.add_argument("--size", type=int, default=224)
a = p.parse_args()

raw = image_dataset_from_directory(a.folder, image_size=(a.size, a.size), label_mode="int")
k = len(raw.class_names)
if k == 2:
    units, act, loss = 1, "sigmoid", "binary_crossentropy"
else:
    units, act, loss = k, "softmax", "sparse_categorical_crossentropy"

base = getattr(applications, a.net)(include_top=False, weights="imagenet", pooling="max")
model = models.Sequential([layers.Rescaling(1 / 127.5, -1), base, layers.Dense(units, activation=act)])
model.compile("adam", loss, metrics=["accuracy"])
model.fit(raw, epochs=10)  # trains and is judged on the same pictures
print(model.evaluate(raw))
