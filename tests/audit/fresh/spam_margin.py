import pandas as pd
import numpy as np
from keras import backend as K
from keras.layers import Dense, Input
from keras.models import Model
from keras.optimizers import Adam
from sklearn.feature_extraction.text import TfidfVectorizer

sms = pd.read_csv("spam.csv", encoding="latin-1")[["v1", "v2"]]
cut = int(.8 * len(sms))
tfidf = TfidfVectorizer(max_features=3000).fit(sms.v2[:cut])
A = tfidf.transform(sms.v2[:cut]).toarray()
B = tfidf.transform(sms.v2[cut:]).toarray()
t = np.where(sms.v1 == "spam", 1, -1)

i = Input((A.shape[1],))
o = Dense(1, activation="sigmoid", kernel_initializer="zeros")(i)
svm = Model(inputs=i, outputs=o)
svm.compile(loss="squared_hinge", optimizer=Adam(lr=0.01))
svm.fit(A, t[:cut], epochs=15, verbose=2)
K.clear_session()
