"""The portfolio: configurations that did well on many other data sets, which a search asks before it draws.

Which they are stands in `spaces/portfolio_table.py`, which `python -m tests.benchmarks.portfolio` writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spaces.configuration import Config, suggest
from spaces.portfolio_table import TABLE
from spaces.study import Study

MOST = 8
"""So many are asked at most, and never more than half of a study's trials."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A configuration as a point of a study's space.

    Args:
        config: the configuration.
        drawn: the values it is made of, by the sampler's names.
    """

    config: Config
    drawn: dict[str, Any]


def portfolio(study: Study) -> tuple[Placed, ...]:
    """Returns the configurations that a search of a study asks first, in the order of what each adds.

    A number outside its range is moved to the range's nearer end. What a study leaves no choice of (one batch
    size, one number) is taken from the study. A configuration is left out where its head, loss or optimizer
    is not in the space, or its batch size, class weight, hidden layers or augmentation is not among several
    that are; and where another came to the same. A network of the user's own has none, nor have given scores.
    """
    if not study.search.portfolio or not study.trains:
        return ()
    found: dict[Config, tuple[Placed, Sequence[float]]] = {}
    for config, shares in TABLE.get(study.trunk.name, ()):
        placed = place(config, study)
        if placed is not None:
            found.setdefault(placed.config, (placed, shares))
    inside = list(found.values())
    return tuple(inside[k][0] for k in greedy([shares for _, shares in inside]))


def place(config: Config, study: Study) -> Placed | None:
    """Returns a configuration as a point of a study's space, see `portfolio`; None where it is left out."""
    nearest = _Nearest(config)
    try:
        inside = suggest(nearest, study)
    except _OutsideError:
        return None
    # Those of which a study leaves no choice are not asked for.
    if (inside.head, inside.loss, inside.optimizer) != (config.head, config.loss, config.optimizer):
        return None
    return Placed(config=inside, drawn=nearest.drawn)


def greedy(shares: Sequence[Sequence[float]]) -> list[int]:
    """Orders configurations: each is the one that adds most to the mean, over data sets, of the best so far.

    The mean of maxima is submodular, so that this is at least 1 - 1/e of what as many could come to
    (Nemhauser, Wolsey, Fisher 1978; portfolios: Feurer et al. 2022, Auto-Sklearn 2.0, section 3). Of those
    that add the same, nothing at the end, the one that is better by itself comes first, then the earlier.

    Args:
        shares: of each configuration, its value on every data set, 0 to 1.
    """
    left, order = list(range(len(shares))), list[int]()
    best = [0.0] * len(shares[0]) if shares else []
    while left:
        ranked = [(sum(map(max, best, shares[k])), sum(shares[k]), -k) for k in left]
        chosen = -max(ranked)[2]
        best = list(map(max, best, shares[chosen]))
        order.append(chosen)
        left.remove(chosen)
    return order


class _OutsideError(Exception):
    """A choice of the configuration is not in the space."""


class _Nearest:
    """Suggests a configuration's own values, numbers moved into their ranges, and notes what it suggested."""

    def __init__(self, config: Config) -> None:
        self._values = config.model_dump() | {f"{config.head}_loss": config.loss}
        self.drawn: dict[str, Any] = {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        value = self._values[name]
        if value is None:
            # Of the threshold alone: the table was found where a rule chooses it.
            value = (low + high) / 2
        self.drawn[name] = min(max(float(value), low), high)
        return float(self.drawn[name])

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if self._values.get(name) not in choices:
            raise _OutsideError(name)
        self.drawn[name] = self._values[name]
        return self._values[name]
