"""Limits on the metrics of decisions, which a cut must keep to be chosen as a threshold."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from search.metrics import F64, METRICS, Counts


class Bound(Protocol):
    """One metric's limit, which itself is good enough."""

    @property
    def metric(self) -> str: ...
    @property
    def bound(self) -> Literal["min", "max"]: ...
    @property
    def limit(self) -> float: ...


@dataclass(frozen=True)
class Limits:
    """Limits that all have to be kept; none is kept by everything.

    Args:
        bounds: of names of METRICS, finite.
    """

    bounds: tuple[Bound, ...] = ()

    def kept(self, counts: Counts) -> NDArray[np.bool_]:
        """Whether each cut keeps all of them, of the shape of the counts; an undefined metric keeps none."""
        found = np.ones(np.shape(counts.tp), np.bool_)
        for one in self.bounds:
            value = METRICS[one.metric](counts)
            found &= value >= one.limit if one.bound == "min" else value <= one.limit
        return found

    def shortfall(self, counts: Counts) -> F64:
        """How far each cut falls short, summed in shares of each limit; infinite where undefined."""
        total = np.zeros(np.shape(counts.tp))
        for one in self.bounds:
            value = METRICS[one.metric](counts)
            short = one.limit - value if one.bound == "min" else value - one.limit
            total = total + np.where(np.isnan(short), np.inf, np.maximum(short, 0.0)) / (abs(one.limit) or 1)
        return total

    @property
    def rising(self) -> bool:
        """Whether a cut that keeps them still does with one error less.

        A correlation below 0 may fall then, and a `max` is there to forbid too much of a good thing.
        """
        return all(one.bound == "min" and one.metric != "mcc" for one in self.bounds)

    def __str__(self) -> str:
        return ", ".join(f"{one.metric}.{one.bound}={one.limit:g}" for one in self.bounds)


NO_LIMITS = Limits()
