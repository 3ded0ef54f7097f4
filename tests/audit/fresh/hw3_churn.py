# Homework 3, question 2: predict churn with a neural network
# Name: ______
import pandas as pd
from keras.models import Sequential
from keras.layers import Dense, Dropout
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

df = pd.read_csv('Telco.csv')
df = df.drop('customerID', axis=1)
df['TotalCharges'] = pd.to_numeric(df['TotalCharges'], errors='coerce').fillna(0)
y = (df['Churn'] == 'Yes').astype(int).values
X = pd.get_dummies(df.drop('Churn', axis=1)).astype(float).values

# 2a) scale the features to [0, 1]
mms = MinMaxScaler()
X = mms.fit_transform(X)

# 2b) split
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=42)

# 2c) build the network
clf = Sequential()
clf.add(Dense(24, activation='relu', input_dim=X.shape[1]))
clf.add(Dropout(0.2))
clf.add(Dense(12, activation='relu'))
clf.add(Dense(1, activation='sigmoid'))
clf.compile(optimizer='rmsprop', loss='categorical_crossentropy')

# 2d) train
hist = clf.fit(X_train, y_train, epochs=50, batch_size=32, validation_data=(X_test, y_test))
print(hist.history['val_loss'][-1])
