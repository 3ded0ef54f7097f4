#!/usr/bin/env bash
# Guess: two wrappers that set the threshold of a classifier decide alike, a probability equal to the threshold included.
# Seen (2026-11-28): scikit-learn 1.9.1 decides p >= threshold, scikit-lego 0.9.10 p > threshold. Of a model whose probabilities
# are shares of few votes, as of forests and neighbours, many are equal to a threshold: of ten neighbours at .5, 6 of 143 rows
# are decided otherwise, and the sensitivity is .822 or .789.
# Why it matters: the same model, threshold and rows have two sensitivities. Here a decision is score >= threshold_score
# everywhere, and a chosen threshold lies midway between two scores, so that none is equal to it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-lego==0.9.10 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import recall_score
from sklearn.model_selection import FixedThresholdClassifier, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklego.meta import Thresholder

x, y = load_breast_cancer(return_X_y=True)
rng = np.random.default_rng(0)
x = x + rng.normal(size=x.shape) * x.std(axis=0)
x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0)
model = KNeighborsClassifier(10)
one = FixedThresholdClassifier(model, threshold=0.5).fit(x_train, y_train).predict(x_test)
other = Thresholder(model, threshold=0.5).fit(x_train, y_train).predict(x_test)
apart = int((one != other).sum())
print(f"scikit-learn {version('scikit-learn')}, scikit-lego {version('scikit-lego')}: {apart} of {len(y_test)} rows decided "
      f"otherwise; sensitivity {recall_score(y_test, one):.3f} and {recall_score(y_test, other):.3f}")
assert apart > 0
assert (one >= other).all()
PY
