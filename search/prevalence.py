"""Probabilities for a place where positives are rarer, or commoner, than among the rows at hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.calibration import Calibration, CalibrationMethod, Fit
from search.metrics import F64
from search.ranking import positives, weights
from search.thresholds import logit


def moved_to(prevalence: float, method: CalibrationMethod) -> CalibrationMethod:
    """A calibration whose probabilities hold where a share `prevalence` of the rows is positive.

    `score += logit(prevalence) - logit(share)`, with the weighted share of positives among the rows of the
    fit (Saerens, Latinne and Decaestecker 2002): right where the two places differ in how many positives
    there are, not in what positives and negatives look like. The order of the scores stays, so rules that
    choose a threshold from the scores decide as before; a threshold fixed as a probability decides
    otherwise. Where the fit comes to nothing, the identity stays as it is, with its reason.

    Platt's curve has the share of its rows on average; a temperature has no offset of its own, so what bent
    the network's own share (class weights) is still in its probabilities, and in the moved ones.

    Args:
        prevalence: in (0, 1).
        method: what fits the calibration at the share of the rows; its `Fit` without a reason has seen
            both classes.
    """

    def fit(y: NDArray[Any], raw: NDArray[np.float32], weight: F64 | None = None) -> Fit:
        found = method(y, raw, weight)
        if found.reason is not None:
            return found
        positive = positives(y, raw)
        w = np.ones(positive.shape) if weight is None else weights(weight, raw)
        share = float(w[positive].sum() / w.sum())
        a, b = found.calibration.a, found.calibration.b
        return Fit(Calibration(a, b + logit(prevalence) - logit(share)))

    return fit


def weights_at(prevalence: float, y: NDArray[Any]) -> F64:
    """Row weights that give positives the share `prevalence`, with which moved probabilities are measured.

    Args:
        prevalence: in (0, 1).
        y: 0/1 or bool `(n,)`.

    Returns:
        `(n,)`, summing to n; all 0 where a class is missing, so that every metric is undefined: no weights
        give the share then.
    """
    positive = positives(y, np.asarray(y))
    share = float(positive.mean()) if positive.size else 0.0
    if share in (0.0, 1.0):
        return np.zeros(positive.shape)
    return np.where(positive, prevalence / share, (1 - prevalence) / (1 - share))
