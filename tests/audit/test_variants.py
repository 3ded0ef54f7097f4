"""Other ways to write the same mistakes: each is found, and nothing else."""

import pytest

from tests.audit.reading import audited

HEAD = """
import numpy as np, pandas as pd, tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers, Sequential, Model
from sklearn.metrics import *
from sklearn.model_selection import train_test_split
"""
VARIANTS = {
    "HS404 list": """
m=Sequential([layers.Dense(1)])
m.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
out=[1 if p > 0.5 else 0 for p in m.predict(x_test)]
""",
    "HS404 index": """
m=Sequential([layers.Dense(1)])
m.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
p=m.predict(x_test)
p[p>=0.5]=1
""",
    "HS404 call": """
m=Sequential([layers.Dense(1)])
m.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
p=m(x_test, training=False)
y=tf.cast(p>0.5, tf.int32)
""",
    "HS404 round": """
m=Sequential([layers.Dense(1)])
m.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
y=m.predict(x_test).round().astype(int)
""",
    "HS401 tf": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
y=tf.argmax(m.predict(x_test), axis=1)
""",
    "HS401 map": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
y=list(map(np.argmax, m.predict(x_test)))
""",
    "HS401 apply": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
y=np.apply_along_axis(np.argmax, 1, m.predict(x_test))
""",
    "HS401 enumerate": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
for i,p in enumerate(m.predict(x_test)):
    print(p.argmax())
""",
    "HS401 sk": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
print(confusion_matrix(y_test, m.predict(x_test).argmax(axis=1)))
""",
    "HS405 ap": """
m=Sequential([layers.Dense(2,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
score=m.predict(x_test)[:,0]
fpr,tpr,t=roc_curve(y_test,score)
""",
    "HS405 where": """
m=Sequential([layers.Dense(2,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
score=m.predict(x_test)[:,0]
l=np.where(score>0.5,1,0)
""",
    "HS405 acc": """
m=Sequential([layers.Dense(2,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
p=m.predict(x_test)
print(accuracy_score(y_test, np.round(p[:,0])))
""",
    "HS501 pr": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p=m.predict(X_test)
prec,rec,thr=precision_recall_curve(y_test,p)
f1=2*prec*rec/(prec+rec)
best=thr[np.argmax(f1)]
print(f1_score(y_test,p>best))
""",
    "HS501 ix": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p=m.predict(X_test)
fpr,tpr,thr=roc_curve(y_test,p)
gmeans=np.sqrt(tpr*(1-fpr))
ix=np.argmax(gmeans)
print(thr[ix])
""",
    "HS501 best": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p=m.predict(X_test).ravel()
best=0
for t in np.linspace(0,1,100):
    s=accuracy_score(y_test,(p>t).astype(int))
    if s>best:
        best,bt=s,t
""",
    "HS501 split": """
df=pd.read_csv('a')
X_tr,X_te,y_tr,y_te=train_test_split(df.drop('y',axis=1),df['y'])
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p=m.predict(X_te)
fpr,tpr,thr=roc_curve(y_te,p)
j=(tpr-fpr).argmax()
print(thr[j])
""",
    "HS501 max": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p=m.predict(X_test).ravel()
best=max(np.arange(0,1,.01), key=lambda t: f1_score(y_test, p>=t))
""",
    "HS501 dict": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
p=m.predict(X_test).ravel()
scores={t: f1_score(y_test,p>=t) for t in np.arange(0,1,.01)}
best=max(scores,key=scores.get)
""",
    "HS502 pca": """
from sklearn.decomposition import PCA
X=PCA(10).fit_transform(X)
Xtr,Xte,ytr,yte=train_test_split(X,y)
""",
    "HS502 kbest": """
from sklearn.feature_selection import SelectKBest
X_new=SelectKBest(k=5).fit_transform(X,y)
Xtr,Xte,ytr,yte=train_test_split(X_new,y)
""",
    "HS502 df": """
from sklearn.preprocessing import StandardScaler
df=pd.read_csv('a')
cols=['a','b']
df[cols]=StandardScaler().fit_transform(df[cols])
train,test=train_test_split(df)
""",
    "HS502 slice": """
from sklearn.preprocessing import MinMaxScaler
X=MinMaxScaler().fit_transform(X)
X_train, X_test = X[:800], X[800:]
""",
    "HS502 fold": """
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
X=StandardScaler().fit_transform(X)
for tr,te in KFold(5).split(X):
    pass
""",
    "HS502 impute": """
from sklearn.impute import SimpleImputer
imp=SimpleImputer()
imp.fit(X)
X=imp.transform(X)
a,b=train_test_split(X)
""",
    "HS502 ros": """
from imblearn.over_sampling import RandomOverSampler
ros=RandomOverSampler()
X,y=ros.fit_resample(X,y)
a,b,c,d=train_test_split(X,y)
""",
    "HS201 lb": """
from sklearn.preprocessing import LabelBinarizer
y=LabelBinarizer().fit_transform(['a','b','c','a'])
m=Sequential([layers.Dense(3,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(x,y)
""",
    "HS201 ds": """
ds=tf.data.Dataset.from_tensor_slices((x, tf.one_hot(y,5))).shuffle(5).batch(32)
m=Sequential([layers.Dense(5,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(ds)
""",
    "HS201 map": """
ds=tf.data.Dataset.from_tensor_slices((x, y)).map(lambda a,b:(a,tf.one_hot(b,5)))
m=Sequential([layers.Dense(5,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(ds)
""",
    "HS201 eye": """
y=np.eye(4)[labels]
m=Sequential([layers.Dense(4,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(x,y)
""",
    "HS201 split": """
y=pd.get_dummies(df['k']).values
xtr,xte,ytr,yte=train_test_split(x,y)
m=Sequential([layers.Dense(4,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(xtr,ytr)
""",
    "HS202 map": """
y=df['d'].map({'M':1,'B':-1})
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(x,y)
""",
    "HS202 12": """
y=np.array([1,2,1,2,2,1])
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(x,y)
""",
    "HS202 replace": """
y=df['d'].replace({0:-1})
y=y.replace({0:-1,1:1})
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(x,y)
""",
    "HS205": """
m=Sequential([layers.Dense(3,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(x,y,class_weight={1:1,2:3,3:4})
""",
    "HS110 sub": """
class M(Model):
    def __init__(self):
        super().__init__()
        self.d=layers.Dense(3,activation='softmax')
    def call(self,x):
        return tf.argmax(self.d(x),axis=-1)
m=M()
m.compile(loss='mse')
""",
    "HS110 cast": """
i=keras.Input((3,))
o=layers.Lambda(lambda t: tf.cast(t>0.5,tf.float32))(layers.Dense(1,activation='sigmoid')(i))
Model(i,o).compile(loss='binary_crossentropy')
""",
    "HS110 fn": """
def cut(t):
    return keras.backend.cast(keras.backend.greater(t,0.5),'float32')
i=keras.Input((3,))
o=layers.Lambda(cut)(layers.Dense(1,activation='sigmoid')(i))
Model(i,o).compile(loss='binary_crossentropy')
""",
    "HS203 batch": """
ds=tf.data.Dataset.from_tensor_slices((x, np.array([0,1,1,0]))).batch(2)
m=Sequential([layers.Dense(1)])
for xb,yb in ds:
    with tf.GradientTape() as t:
        p=m(xb)
        l=tf.keras.losses.hinge(yb,p)
""",
    "HS304 fn": """
met=[keras.metrics.AUC()]
def build():
    m=Sequential([layers.Dense(1,activation='sigmoid')])
    m.compile(loss='binary_crossentropy',metrics=met)
    return m
a=build()
b=build()
""",
    "HS403 tf": """
from sklearn.preprocessing import MultiLabelBinarizer
y=MultiLabelBinarizer().fit_transform(t)
xa,xb,ya,yb=train_test_split(x,y)
m=Sequential([layers.Dense(5,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
m.fit(xa,ya)
print(tf.argmax(m.predict(xb),1))
""",
    "HS305 multi": """
from sklearn.preprocessing import MultiLabelBinarizer
y=MultiLabelBinarizer().fit_transform(t)
m=Sequential([layers.Dense(5,activation='sigmoid')])
m.compile(loss='binary_crossentropy',metrics=['accuracy'])
m.fit(x,y)
""",
    "HS301 sub": """
m=Sequential([layers.LSTM(5),layers.Dense(1)])
m.compile(loss=tf.keras.losses.Huber(),metrics=['accuracy'])
""",
    "HS109 act": """
m=Sequential([layers.Dense(1,activation='sigmoid'),layers.Activation('sigmoid')])
m.compile(loss='binary_crossentropy')
""",
    "HS107 gen": """
g=keras.preprocessing.image.ImageDataGenerator().flow_from_directory('a',classes=['a','b','c'])
m=Sequential([layers.Dense(2,activation='softmax')])
m.compile(loss='categorical_crossentropy')
m.fit(g)
""",
    "HS101 old": """
from keras.layers.core import Dense, Activation
m=Sequential()
m.add(Dense(64,1,init='uniform',activation='softmax'))
m.compile(loss='binary_crossentropy',optimizer='sgd',class_mode='binary')
""",
    "HS101 cls": """
class Net(keras.Model):
    def __init__(self, n=1):
        super().__init__()
        self.fc=layers.Dense(n, activation='softmax')
    def call(self,x): return self.fc(x)
n=Net()
n.compile(loss='binary_crossentropy')
""",
    "HS101 kw": """
opts=dict(units=1, activation='softmax')
m=Sequential([layers.Dense(**opts)])
m.compile(loss='binary_crossentropy')
""",
    "HS101 act var": """
act=tf.keras.activations.softmax
m=Sequential([layers.Dense(1, activation=act)])
m.compile(loss='binary_crossentropy')
""",
    "HS101 len": """
classes=['seizure']
m=Sequential([layers.Dense(len(classes), activation='softmax')])
m.compile(loss='binary_crossentropy')
""",
    "HS103 len": """
classes=['a','b']
m=Sequential([layers.Dense(len(classes), activation='softmax')])
m.compile(loss='binary_crossentropy')
""",
    "HS103 fmt": """
m=Sequential()
m.add(layers.Dense(2))
m.add(layers.Activation('softmax'))
m.compile(optimizer='rmsprop', loss=keras.losses.BinaryCrossentropy(label_smoothing=.1))
""",
    "HS102 global": """
def build():
    global model
    model=Sequential([layers.Dense(3,activation='sigmoid')])
build()
model.compile(loss='categorical_crossentropy')
""",
    "HS102 lambda act": """
m=Sequential([layers.Dense(3,activation=lambda t: tf.nn.sigmoid(t))])
m.compile(loss='categorical_crossentropy')
""",
    "HS106 nested": """
def head(x, n):
    def inner(y):
        return layers.Dense(n)(y)
    return inner(x)
i=keras.Input((3,))
Model(i,head(i,5)).compile(loss='sparse_categorical_crossentropy')
""",
    "HS106 opt arg": """
m=Sequential([layers.Dense(1, None)])
m.compile('adam','binary_crossentropy')
""",
    "HS105 kwpos": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile('adam',loss=keras.losses.BinaryCrossentropy(True))
""",
    "HS105 partial": """
from functools import partial
m=Sequential([layers.Dense(5,activation='softmax')])
m.compile('adam',loss=partial(keras.losses.sparse_categorical_crossentropy, from_logits=True))
""",
    "HS105 lam": """
m=Sequential([layers.Dense(5,activation='softmax')])
m.compile('adam',loss=lambda y,p: keras.losses.sparse_categorical_crossentropy(y,p,from_logits=True))
""",
    "HS105 loop": """
m=Sequential([layers.Dense(5,activation='softmax')])
lf=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
for x,y in ds:
    with tf.GradientTape() as t:
        l=lf(y,m(x))
""",
    "HS104 pad": """
m=Sequential([layers.Dense(1),layers.LeakyReLU()])
m.compile(loss='binary_crossentropy')
""",
    "HS301 names": """
MET=['accuracy']
m=Sequential([layers.Dense(1,activation='linear')])
m.compile(loss=tf.keras.losses.mean_absolute_error,metrics=MET)
""",
    "HS303 fb": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='bce',metrics=[keras.metrics.FBetaScore(beta=2.0)])
""",
    "HS302 str": """
m=Sequential([layers.Dense(2,activation='softmax')])
m.compile(loss='categorical_crossentropy',metrics=['Precision'])
""",
    "HS401 step": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
res=m.predict(x_test, batch_size=32)
preds=[]
for r in res:
    preds.append(np.argmax(r))
""",
    "HS401 squeeze": """
m=Sequential([layers.Dense(1,activation='sigmoid')])
m.compile(loss='binary_crossentropy')
out=np.array(m.predict(x_test))
print(classification_report(y_test, np.argmax(out, axis=-1)))
""",
    "HS402 eq": """
m=Sequential([layers.Dense(3,activation='softmax')])
m.compile(loss='categorical_crossentropy')
p=m.predict(X_val)
acc=(p.argmax()==y_val).mean()
""",
    "HS202 sparse": """
y=np.array([1,2,3,1,2,3])
m=Sequential([layers.Dense(3,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(x,y)
""",
    "HS107 lit": """
y=np.array([0,1,2,3,0,1])
m=Sequential([layers.Dense(3,activation='softmax')])
m.compile(loss='sparse_categorical_crossentropy')
m.fit(x,y)
""",
    "HS502 norm": """
X=(X-X.mean())/X.std()
X_train,X_test,y_train,y_test=train_test_split(X,y)
""",
    "HS502 np": """
mu=np.mean(X,axis=0)
sd=np.std(X,axis=0)
X=(X-mu)/sd
X_train,X_test=train_test_split(X)
""",
    "HS404 greater": """
m=Sequential([layers.Dense(1)])
m.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
y=tf.where(m.predict(x)>.5,1,0)
""",
}


@pytest.mark.parametrize("name", VARIANTS)
def test_another_way_to_write_it_is_found(name):
    result = audited(HEAD + VARIANTS[name])
    assert [one.rule.id for one in result.findings] == [name[:5]]
