#!/usr/bin/env bash
# Guess: a calibration map never falls. All three forms of beta calibration do not, as the paper has their shapes: both are at
# least 0 (Kull, Silva Filho and Flach, AISTATS 2017).
# Seen (2026-11-28): betacal 1.1.0 keeps shapes at 0 or above in the form "abm", but not in "ab". Of 200 sets of 30 rows whose
# labels follow the scores (ROC AUC .6 or more), 110 got an "ab" map that falls somewhere; the AUC moved by up to .298.
# Why it matters: after such a map a larger score means less positive in a part of its range, and a threshold on it cuts rows
# in between. Here a calibration is a * raw + b with a > 0, so that the order is that of the model.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check betacal==1.1.0 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from betacal import BetaCalibration
from sklearn.metrics import roc_auc_score

falls, moved, sets = {"ab": 0, "abm": 0, "am": 0}, 0.0, 0
grid = np.linspace(0.001, 0.999, 999)
seed = 0
while sets < 200:
    rng = np.random.default_rng(seed)
    seed += 1
    p = rng.uniform(size=30)
    y = (rng.uniform(size=30) < p**2).astype(int)
    if y.min() == y.max() or roc_auc_score(y, p) < 0.6:
        continue
    sets += 1
    for form in falls:
        fitted = BetaCalibration(form).fit(p[:, None], y)
        if (np.diff(fitted.predict(grid[:, None])) < -1e-9).any():
            falls[form] += 1
            moved = max(moved, abs(roc_auc_score(y, fitted.predict(p[:, None])) - roc_auc_score(y, p)))
print(f"betacal {version('betacal')}: maps that fall somewhere, of {sets} sets with an AUC of .6 or more: {falls}; "
      f"the AUC moved by up to {moved:.3f}")
assert falls["abm"] == 0
assert falls["ab"] > 20
PY
