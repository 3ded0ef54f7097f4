"""Evaluates predicted numbers; see `search.evaluation.scoring`."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.evaluation.scoring import F32, Described, Estimates, estimate
from search.events.evaluation import CrossFitted
from search.scores.crossfit_sums import CrossfitSums
from search.scores.reference import Reference
from search.scores.regression import NUMBER_METRICS, cross_fit, errors, held_out, intervals


@dataclass(frozen=True)
class Undecided:
    """A number is its own answer: nothing is fitted and nothing decided; see `scoring.Decision`."""

    @property
    def described(self) -> Described:
        """The fields of a record: none."""
        return Described()

    def apply(self, raw: F32) -> F32:
        """The predictions as they are, `(n,)`."""
        return raw


@dataclass(frozen=True, kw_only=True)
class NumberScoring:
    """What evaluation asks of a number; see `scoring.Scoring`.

    Args:
        metric: the objective, of NUMBER_METRICS.
        seed: of the bootstrap.
    """

    metric: str
    seed: int

    def fit(self, raw: F32, reference: Reference, *, probabilistic: bool) -> Undecided:
        """See `scoring.Scoring`; predictions that are not finite are refused.

        Raises:
            TrialError: a prediction is NaN or infinite.
        """
        errors(reference.y, raw)
        return Undecided()

    def estimates(self, fitted: Undecided, score: F32, reference: Reference) -> Estimates:
        """See `scoring.Scoring`."""
        bounds = intervals(reference.y, score, reference.groups, self.seed)
        return Estimates(
            whole={
                name: estimate(metric(reference.y, score), bounds[name])
                for name, metric in NUMBER_METRICS.items()
            }
        )

    def cross_fitted(self, raw: F32, reference: Reference) -> CrossFitted:
        """See `scoring.Scoring`: the mean over the halves, on neither of which anything is fitted."""
        return CrossFitted(cross_fit(reference.y, raw, reference.halves, self.metric), math.nan)

    def held_out(self, raw: F32, reference: Reference, piece: NDArray[np.intp], pieces: int) -> CrossfitSums:
        """See `scoring.Contending`."""
        return held_out(reference.y, raw, self.metric, piece, pieces)
