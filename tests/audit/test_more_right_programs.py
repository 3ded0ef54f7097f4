"""More programs that are right, in the shapes that people give them: none has a finding."""

import pytest

from tests.audit.reading import audited

HEAD = """
import numpy as np, pandas as pd, tensorflow as tf, os
from tensorflow import keras
from tensorflow.keras import layers, Sequential, Model
from sklearn.metrics import *
from sklearn.preprocessing import *
from sklearn.model_selection import train_test_split
"""
RIGHT = {
    "cv": """
from sklearn.model_selection import KFold
for tr,te in KFold(5).split(X):
    sc=StandardScaler().fit(X[tr])
    a,b=sc.transform(X[tr]),sc.transform(X[te])
""",
    "cv2": """
from sklearn.model_selection import StratifiedKFold
sc=StandardScaler()
for tr,te in StratifiedKFold(5).split(X,y):
    xtr=sc.fit_transform(X[tr])
    xte=sc.transform(X[te])
""",
    "prod": """
sc=StandardScaler()
X=sc.fit_transform(X)
m=Sequential([layers.Dense(1)])
m.compile(loss='mse')
m.fit(X,y,epochs=3)
""",
    "pipeline": """
from sklearn.pipeline import make_pipeline
p=make_pipeline(StandardScaler())
a,b,c,d=train_test_split(X,y)
p.fit(a,c)
""",
    "3split": """
X_train,X_tmp,y_train,y_tmp=train_test_split(X,y)
X_val,X_test,y_val,y_test=train_test_split(X_tmp,y_tmp)
sc=StandardScaler()
X_train=sc.fit_transform(X_train)
X_val=sc.transform(X_val)
X_test=sc.transform(X_test)
""",
    "inner": """
X_train,X_test,y_train,y_test=train_test_split(X,y)
sc=MinMaxScaler()
X_train=sc.fit_transform(X_train)
X_test=sc.transform(X_test)
X_train,X_val,y_train,y_val=train_test_split(X_train,y_train)
""",
    "smote after": """
from imblearn.over_sampling import SMOTE
X_train,X_test,y_train,y_test=train_test_split(X,y)
X_train,y_train=SMOTE().fit_resample(X_train,y_train)
""",
    "binary to int": """
p=keras.models.load_model('m').predict(x_test)
print(np.argmax(p,axis=1), p>0.5)
""",
    "roc plot": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p=m.predict(X_test)
fpr,tpr,thr=roc_curve(y_test,p)
print(auc(fpr,tpr), thr[:5], thr[0])
for a,b,c in zip(fpr,tpr,thr):
    print(a,b,c)
""",
    "best val": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
pv=m.predict(X_val)
best,bt=0,0.5
for t in np.arange(0,1,.01):
    f=f1_score(y_val,pv>t)
    if f>best: best,bt=f,t
print(f1_score(y_test,m.predict(X_test)>bt))
""",
    "resnet head": """
base=keras.applications.ResNet50(include_top=False,pooling='avg')
m=Sequential([base,layers.Dense(10,activation='softmax')])
m.compile(loss='categorical_crossentropy')
""",
    "multi input dict": """
a=keras.Input((3,),name='a')
b=keras.Input((4,),name='b')
x=layers.concatenate([a,b])
o=layers.Dense(1,activation='sigmoid')(x)
m=Model(inputs={'a':a,'b':b},outputs=o)
m.compile(loss='binary_crossentropy',metrics=[keras.metrics.BinaryAccuracy()])
""",
    "vae": """
def sampling(args):
    m,s=args
    return m+tf.exp(s)*tf.random.normal(tf.shape(m))
i=keras.Input((784,))
h=layers.Dense(64,activation='relu')(i)
m=layers.Dense(2)(h)
s=layers.Dense(2)(h)
z=layers.Lambda(sampling)([m,s])
o=layers.Dense(784,activation='sigmoid')(z)
v=Model(i,o)
v.add_loss(1)
v.compile(optimizer='adam')
""",
    "ddpg": """
def actor():
    i=keras.Input((3,))
    o=layers.Dense(1,activation='tanh')(i)
    o=o*2.0
    return Model(i,o)
a=actor()
a.compile(loss='mse')
""",
    "hinge signed tuple": """
y=[-1,1,1,-1]
m=Sequential([layers.Dense(1)])
m.compile(loss='squared_hinge')
m.fit(x,np.array(y))
p=np.sign(m.predict(x))
""",
    "triplet": """
m=Sequential([layers.Dense(128,activation=None),layers.Lambda(lambda x: tf.math.l2_normalize(x,axis=1))])
m.compile(loss=my.TripletSemiHardLoss())
""",
    "ctc": """
m=Sequential([layers.Bidirectional(layers.LSTM(64,return_sequences=True)),layers.Dense(30,activation='softmax')])
m.compile(loss=lambda t,p:p)
""",
    "kgrams": """
y=keras.utils.to_categorical(seqs,num_classes=vocab)
m=Sequential([layers.LSTM(64),layers.Dense(vocab,activation='softmax')])
m.compile(loss='categorical_crossentropy')
m.fit(x,y)
i=np.argmax(m.predict(x[:1]))
n=np.argmax(m.predict(token_list),axis=-1)[0]
""",
    "text gen": """
m=Sequential([layers.LSTM(64),layers.Dense(50,activation='softmax')])
m.compile(loss='categorical_crossentropy')
for i in range(100):
    preds=m.predict(x_pred)[0]
    n=np.argmax(preds)
    k=np.argmax(m.predict(seq, verbose=0))
""",
    "image": """
img=keras.preprocessing.image.load_img('a')
x=keras.preprocessing.image.img_to_array(img)
x=np.expand_dims(x,axis=0)
m=Sequential([layers.Dense(5,activation='softmax')])
m.compile(loss='categorical_crossentropy')
print(np.argmax(m.predict(x)))
cls=class_names[np.argmax(m.predict(x)[0])]
""",
    "lr range": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(optimizer=keras.optimizers.Adam(10.0),loss='binary_crossentropy',metrics=['acc'])
m.fit(x,y,class_weight='balanced')
""",
    "weights": """
w=dict(enumerate(class_weights))
m=Sequential([layers.Dense(3,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(x,y,class_weight=w)
m.fit(x,y,class_weight={0:1,1:2,2:5})
m.fit(x,y,class_weight={i: w[i] for i in range(3)})
""",
    "onehot weight": """
y=keras.utils.to_categorical(y,3)
m=Sequential([layers.Dense(3,activation='softmax')])
m.compile(loss='categorical_crossentropy')
m.fit(x,y,class_weight={0:1,1:2,2:5})
""",
    "imdb": """
(x,y),(xt,yt)=keras.datasets.imdb.load_data(num_words=1000)
m=Sequential([layers.Embedding(1000,8),layers.GlobalAveragePooling1D(),layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy',metrics=['accuracy'])
m.fit(x,y)
y=np.asarray(y).astype('float32')
m.fit(x,y)
""",
    "imdb2": """
(x,y),(xt,yt)=keras.datasets.imdb.load_data()
m=Sequential([layers.Dense(2,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(x,y)
""",
    "reuters": """
(x,y),(xt,yt)=keras.datasets.reuters.load_data()
m=Sequential([layers.Dense(46,activation='softmax')])
m.compile(loss='categorical_crossentropy')
m.fit(x,keras.utils.to_categorical(y,46))
""",
    "folder binary": """
t=keras.utils.image_dataset_from_directory('a')
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(t)
""",
    "folder aug": """
t=keras.utils.image_dataset_from_directory('a',label_mode='categorical')
t=t.map(lambda x,y:(aug(x,training=True),y))
m=Sequential([layers.Dense(5,activation='softmax')])
m.compile(loss='categorical_crossentropy')
m.fit(t)
""",
    "gen binary": """
g=keras.preprocessing.image.ImageDataGenerator().flow_from_directory('a',class_mode='binary')
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit_generator(g)
""",
    "sk wrap": """
def create():
    m=Sequential([layers.Dense(8,activation='relu'),layers.Dense(1,activation='sigmoid')])
    m.compile(loss='binary_crossentropy')
    return m
from keras.wrappers.scikit_learn import KerasClassifier
e=KerasClassifier(build_fn=create,epochs=3)
e.fit(X,y)
e.predict(X)
""",
    "tuner": """
def build(hp):
    m=Sequential()
    for i in range(hp.Int('n',1,3)):
        m.add(layers.Dense(hp.Int(f'u{i}',8,64),activation=hp.Choice('a',['relu','tanh'])))
    m.add(layers.Dense(10,activation='softmax'))
    m.compile(loss='sparse_categorical_crossentropy')
    return m
""",
    "mask loss": """
def loss(y,p):
    l=keras.losses.sparse_categorical_crossentropy(y,p,from_logits=True)
    mask=tf.cast(y>0,l.dtype)
    return tf.reduce_sum(l*mask)
m=Sequential([layers.Dense(100)])
m.compile(loss=loss)
""",
    "argmax q": """
q=Sequential([layers.Dense(4)])
q.compile(loss='mse')
a=np.argmax(q.predict(state))
best=tf.argmax(q(states),axis=1)
""",
    "regress argmax": """
m=Sequential([layers.Dense(1)])
m.compile(loss='mse')
i=np.argmax(m.predict(X_test))
""",
    "softmax temp": """
m=Sequential([layers.Dense(10)])
m.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
p=tf.nn.softmax(m.predict(x_test)/2.0)
c=np.argmax(p,axis=-1)
ok=(p.numpy().max(axis=1)>0.5)
""",
    "inference graph": """
m=Sequential([layers.Dense(10,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
serve=Model(m.input, tf.argmax(m.output,axis=-1))
serve.predict(x)
""",
    "gate": """
i=keras.Input((8,))
g=layers.Dense(8,activation='sigmoid')(i)
o=layers.Multiply()([i,g])
o=layers.Dense(1)(o)
Model(i,o).compile(loss='mae',metrics=['mae','mse'])
""",
    "crf": """
m=Sequential([layers.LSTM(4,return_sequences=True),layers.TimeDistributed(layers.Dense(5))])
m.compile(loss='mse')
""",
    "two sigmoid": """
y=keras.utils.to_categorical(y,2)
m=Sequential([layers.Dense(2,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(x,y)
print(np.argmax(m.predict(x),axis=1))
""",
    "digits as age": """
y=df['age'].values
m=Sequential([layers.Dense(1,activation='relu')])
m.compile(loss='mse',metrics=['mae'])
m.fit(x,y)
""",
    "count": """
y=np.array([0,0,1,3,2,0,1,5,2])
m=Sequential([layers.Dense(1,activation='exponential')])
m.compile(loss='poisson')
m.fit(x,y)
""",
    "range": """
x=np.arange(10)
y=x*2+1
m=Sequential([layers.Dense(1)])
m.compile(loss='mse')
m.fit(x,y)
""",
    "onoff": """
y=np.array([[0],[1],[1],[0]])
m=Sequential([layers.Dense(8,activation='tanh'),layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(x,y)
print(m.predict(x).round())
""",
    "one of": """
m=Sequential([layers.Dense(10,activation='softmax')])
m.compile(loss='categorical_crossentropy',metrics=['accuracy',keras.metrics.TopKCategoricalAccuracy(k=3),keras.metrics.AUC(multi_label=True)])
""",
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_has_no_finding(name):
    result = audited(HEAD + RIGHT[name])
    assert result.error is None
    assert [(one.line, one.rule.id, one.message) for one in result.findings] == []
