import keras
import keras_nlp
from keras import metrics

bert = keras_nlp.models.BertBackbone.from_preset("bert_tiny_en_uncased")
ids = bert.inputs
pooled = bert.outputs["pooled_output"] if isinstance(bert.outputs, dict) else bert.outputs[0]
logit = keras.layers.Dropout(0.1)(pooled)
out = keras.layers.Dense(1, activation="sigmoid", name="sarcasm")(logit)
clf = keras.Model(ids, out)
clf.compile(
    optimizer=keras.optimizers.AdamW(5e-5),
    loss="binary_crossentropy",
    metrics=[metrics.BinaryAccuracy(), metrics.F1Score(average="macro")],
)


def fit(x, y, xv, yv):
    y, yv = y[:, None].astype("float32"), yv[:, None].astype("float32")
    clf.fit(x, y, validation_data=(xv, yv), epochs=3, batch_size=16)
