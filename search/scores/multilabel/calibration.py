"""Calibration of K labels: that of a single threshold, of each label by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.scores.calibration import Calibration, CalibrationMethod
from search.scores.metrics import F64
from search.scores.multilabel.thresholds import F32, labels_of
from search.scores.ranking import positives
from spaces.base import Label


@dataclass(frozen=True)
class LabelFit:
    """The calibrations of K labels, and why each is the identity where its fit came to nothing."""

    calibrations: tuple[Calibration, ...]
    reasons: tuple[str | None, ...]

    def apply(self, raw: F32) -> F32:
        """Scores of raw scores, float32 `(n, K)`; see `Calibration.apply`."""
        labels_of(raw, len(self.calibrations))
        columns = [one.apply(raw[:, k]) for k, one in enumerate(self.calibrations)]
        return np.ascontiguousarray(np.stack(columns, axis=1))

    def reason(self, names: Sequence[Label]) -> str | None:
        """The first label whose fit came to nothing, why, and how many more; None if all is well."""
        failed = [k for k, reason in enumerate(self.reasons) if reason is not None]
        if not failed:
            return None
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return f"label {names[failed[0]]!r}: {self.reasons[failed[0]]}{more}"


def fit_labels(method: CalibrationMethod, y: NDArray[Any], raw: F32, weight: F64 | None = None) -> LabelFit:
    """Fits a calibration to each label by itself.

    Args:
        method: an entry of `search.scores.calibration.CALIBRATIONS`.
        y: 0/1 or bool `(n, K)`.
        raw: finite, float32 `(n, K)`.
        weight: row weights `(n,)`.

    Raises:
        TrialError: a raw score is NaN or infinite.
    """
    labels_of(raw)
    positive = positives(y, raw)
    columns = np.ascontiguousarray(raw.T)
    fits = [method(of, column, weight) for of, column in zip(positive.T, columns, strict=True)]
    return LabelFit(tuple(one.calibration for one in fits), tuple(one.reason for one in fits))
