"""Approximates the calibrations of half-splits, to see where an exact fit is needed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.scores.calibration import Calibration
from search.scores.metrics import F64
from search.scores.thresholds import logit

COARSE, FINE = 3e-3, 3e-8
"""What may be left of the way to the optimum, as a share of the slope."""
SMALL = 0.02
"""A step, as a share of the slope, after which the curvature is as it was."""
ROUGH = 1e-3
"""A step after which float32 has no digits left for the next."""
STEPS = 12
FEW = 2000
"""Rows of a half that a coarse fit begins with."""
TOLD = 12
"""A slope of some rows counts where it is so many standard errors: three of them are then a quarter of it."""
FLAT = 0.01
"""The slope over standardised raw scores below which it is not sure to be above 0."""


@dataclass(frozen=True)
class HalfFit:
    """About what a calibration method fits to a half: `a * raw + b`, with a > 0."""

    a: float
    b: float


class HalfFits:
    """Newton's method from the fit of all rows, whose optimum is close by.

    The methods of `search.scores.calibration` start from nothing and guard every step; theirs is the fit that
    counts. This one gives up wherever it is not sure.

    Args:
        raw: raw scores, ascending, float32 `(n,)`.
        positive: their labels, `(n,)`.
        method: `platt` or `temperature`.
        prevalence: that scores are moved to, see `search.scores.calibration`; None if they are not.
        whole: the calibration of all rows, moved; None if it failed.
        tolerance: COARSE or FINE.
    """

    def __init__(
        self,
        raw: NDArray[np.float32],
        positive: NDArray[np.bool_],
        method: str,
        prevalence: float | None,
        whole: Calibration | None,
        tolerance: float,
    ) -> None:
        self._positive, self._offset = positive, method == "platt"
        x = raw.astype(np.float64)
        self._centre = float(x.mean()) if self._offset else 0.0
        x -= self._centre
        self._spread = float(np.sqrt(np.square(x).mean())) or 1.0
        self._x = x / self._spread
        self._to, self._tolerance = prevalence, tolerance
        share = float(positive.mean())
        if whole is None:
            self._start = 0.0, logit(share) if self._offset else 0.0
        else:
            offset = whole.a * self._centre + whole.b - self._moved(share)
            self._start = whole.a * self._spread, offset if self._offset else 0.0

    def of(self, rows: NDArray[np.intp]) -> HalfFit | None:
        """Returns the fit of some rows, which hold both classes; None where the search does not settle.

        Where the slope is below 0 the method falls back on the identity, and so does this.

        Args:
            rows: their numbers, ascending.
        """
        n, p = rows.size, int(np.count_nonzero(self._positive[rows]))
        high, low = (p + 1) / (p + 2), 1 / (n - p + 2)  # Platt's targets
        step = max(1, n // FEW) if self._tolerance >= COARSE else 1
        while True:
            taken = rows[step // 2 :: step]
            x, found_x = self._x[taken], self._x[taken[self._positive[taken]]]
            found = self._newton(
                x,
                low * x.size + (high - low) * found_x.size,
                low * float(x.sum()) + (high - low) * float(found_x.sum()),
            )
            told = 0.0 if found is None else abs(found[0]) / (TOLD * found[2])
            if step == 1 or told >= 1:
                break
            # Few of one class, or scores that hardly tell them apart, take more rows, down to all.
            step = max(1, int(step * min(told * told, 0.5)))
        if found is None or abs(found[0]) < FLAT:
            return None
        slope, offset, _ = found
        if slope < 0:
            return HalfFit(1.0, 0.0)
        a = slope / self._spread
        return HalfFit(a, offset - a * self._centre + self._moved(p / n))

    def _moved(self, share: float) -> float:
        return 0.0 if self._to is None else logit(self._to) - logit(share)

    def _newton(self, x: F64, target: float, target_x: float) -> tuple[float, float, float] | None:
        """Slope, offset and the slope's standard error.

        Of standardised scores, the sum of their targets, and that of targets times x.

        The curvature is taken over from the step before where that was a small one. Steps on the way are
        taken in float32, which is twice as fast.
        """
        slope, offset = self._start
        before, h_aa, h_ab, h_bb = np.inf, 0.0, 0.0, 1.0
        rough = x.astype(np.float32) if self._tolerance <= FINE else x
        for _ in range(STEPS):
            values = x if before <= ROUGH else rough
            p = values * -slope
            p -= offset
            with np.errstate(over="ignore"):
                np.exp(p, out=p)
            p += 1
            np.reciprocal(p, out=p)
            g_a, g_b = float(p @ values) - target_x, float(p.sum()) - target if self._offset else 0.0
            small = before <= SMALL
            if not small:
                curvature = p - p * p
                weighted = curvature * values
                h_aa = float(weighted @ values)
                if self._offset:
                    h_ab, h_bb = float(weighted.sum()), float(curvature.sum())
            determinant = h_aa * h_bb - h_ab * h_ab
            if not determinant > 1e-14 * x.size**2:
                return None
            d_a, d_b = (h_ab * g_b - h_bb * g_a) / determinant, (h_ab * g_a - h_aa * g_b) / determinant
            slope, offset = slope + d_a, offset + d_b
            step = max(abs(d_a), abs(d_b)) / max(abs(slope), 1e-9)
            # What is left after a step is about its square, or its product with the one before.
            if step * (before if small else step) <= self._tolerance and values is x:
                return slope, offset, float(np.sqrt(h_bb / determinant))
            before = step
        return None
