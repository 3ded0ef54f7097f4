"""Each label is calibrated as it would be alone."""

import numpy as np
import pytest

from search.scores.calibration import CALIBRATIONS
from search.scores.multilabel.calibration import fit_labels
from spaces.errors import TrialError


def drawn(n=200):
    rng = np.random.default_rng(0)
    y = rng.random((n, 3)) < [0.05, 0.3, 0.5]
    y[:2] = [[True] * 3, [False] * 3]
    return y, np.float32(rng.normal(size=(n, 3)) + 3 * y - 2)


@pytest.mark.parametrize("method", CALIBRATIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_each_label_is_calibrated_alone(method, weighted):
    y, raw = drawn()
    weight = np.random.default_rng(1).integers(0, 3, len(y)).astype(float) if weighted else None
    found = fit_labels(CALIBRATIONS[method], y, raw, weight)
    score = found.apply(raw)
    assert score.dtype == np.float32
    assert found.reason("abc") is None
    for k in range(3):
        alone = CALIBRATIONS[method](y[:, k], raw[:, k].copy(), weight)
        assert found.calibrations[k] == alone.calibration
        np.testing.assert_array_equal(score[:, k], alone.calibration.apply(raw[:, k]))


def test_a_label_that_cannot_be_calibrated_says_so_and_leaves_the_others():
    y, raw = drawn()
    y[:, 1:] = False
    found = fit_labels(CALIBRATIONS["platt"], y, raw)
    assert found.reasons[0] is None
    assert found.reason(("a", "b", "c")) == (
        "label 'b': platt needs positive and negative rows, but got 0 and 200 (and 1 more)"
    )
    with pytest.raises(TrialError, match="raw scores must be finite, but got 1"):
        fit_labels(
            CALIBRATIONS["platt"], y, np.where(np.arange(600).reshape(200, 3) == 3, np.float32(np.inf), raw)
        )
