"""The metric on rows left out, counted by units, equals a plain loop over the rows."""

import numpy as np
import pytest

from search.comparison.bias_correction import left_out
from search.scores.metrics import METRICS, counts_at


@pytest.mark.parametrize("units", [4, 300])
@pytest.mark.parametrize("metric", ["f1", "mcc", "precision"])
def test_counted_by_units_or_by_rows(units, metric):
    rng = np.random.default_rng(units)
    piece = rng.permutation(np.arange(300) % units)
    positive = rng.random(300) < 0.3
    raw = np.float32(np.round(rng.normal(size=300) + positive, 1))
    times = rng.multinomial(units, np.full(units, 1 / units), size=12)
    threshold = np.append(rng.choice(raw, 10), [-np.inf, np.inf]).astype(np.float32)
    here = np.array([0, 3, 4, 10, 11])
    found = left_out(positive, raw, threshold, metric, piece, times, here)
    for k, value in zip(here, found, strict=True):
        rows = (times[k] == 0)[piece]
        slow = float(METRICS[metric](counts_at(positive[rows], raw[rows], threshold[k])))
        assert value == pytest.approx(slow, abs=0, nan_ok=True)
