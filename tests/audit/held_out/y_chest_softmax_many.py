import pandas as pd
import tensorflow as tf

FINDINGS = ["Cardiomegaly", "Edema", "Effusion", "Mass", "Nodule", "Pneumothorax"]
table = pd.read_csv("nih.csv")
for f in FINDINGS:
    table[f] = table["Finding Labels"].str.contains(f).astype("float32")  # several per picture, or none


def read(path, y):
    img = tf.io.decode_png(tf.io.read_file(path), 3)
    return tf.image.resize(img, (224, 224)) / 255.0, y


ds = tf.data.Dataset.from_tensor_slices((table["path"].values, table[FINDINGS].values)).map(read).batch(16)
base = tf.keras.applications.MobileNetV2(include_top=False, pooling="avg", input_shape=(224, 224, 3))
out = tf.keras.layers.Dense(len(FINDINGS), activation="softmax")(base.output)
model = tf.keras.Model(base.input, out)
model.compile(optimizer="adam", loss="categorical_crossentropy")
model.fit(ds, epochs=3)
