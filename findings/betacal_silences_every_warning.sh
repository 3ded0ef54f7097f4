#!/usr/bin/env bash
# Guess: to fit a calibration changes nothing outside the calibration.
# Seen (2026-11-28): one fit of betacal 1.1.0 adds a filter that ignores every warning of the process, for good. Metrics of
# scikit-learn 1.9.1 that are undefined, which warn before it, are 0 without a word after it, and so is numpy's division by 0.
# Why it matters: an undefined precision looks like a measured 0 from then on. Here an undefined metric is null, whoever has
# set which filters.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check betacal==1.1.0 scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PY'
import contextlib
import io
import warnings
from importlib.metadata import version

import numpy as np
from betacal import BetaCalibration
from sklearn.metrics import precision_score

rng = np.random.default_rng(0)
p = rng.uniform(0.01, 0.99, 200)
y = (rng.uniform(size=200) < p).astype(int)


def told():
    """How many lines a metric that is undefined, and a division by zero, say."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        precision_score([0, 1], [0, 0])
        np.divide(np.zeros(1), np.zeros(1))
    return sum("Warning" in line for line in said.getvalue().splitlines())


warnings.simplefilter("always")
before = told()
BetaCalibration("abm").fit(p[:, None], y)
after = told()
print(f"betacal {version('betacal')}, scikit-learn {version('scikit-learn')}: {before} warnings before a fit, {after} after it; "
      f"first filter: {warnings.filters[0][0]} {warnings.filters[0][2].__name__}")
assert (before, after) == (2, 0)
assert warnings.filters[0] == ("ignore", None, Warning, None, 0)
PY
