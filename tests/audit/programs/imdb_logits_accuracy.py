import tensorflow as tf

vocab = 10000
(x_train, y_train), (x_test, y_test) = tf.keras.datasets.imdb.load_data(num_words=vocab)
x_train = tf.keras.utils.pad_sequences(x_train, maxlen=200)
x_test = tf.keras.utils.pad_sequences(x_test, maxlen=200)

model = tf.keras.Sequential([
    tf.keras.layers.Embedding(vocab, 16),
    tf.keras.layers.GlobalAveragePooling1D(),
    tf.keras.layers.Dense(1),
])
model.compile(loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
              optimizer='adam',
              metrics=['accuracy'])
model.fit(x_train, y_train, epochs=10, batch_size=512, validation_split=0.2)

logits = model.predict(x_test)
labels = (logits > 0.5).astype('int32')
print((labels[:, 0] == y_test).mean())
