"""Where trials stand: those of one configuration are seeds of it, and stand at the mean of their values."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from search.record import Record
from spaces.tasks import sign_of

TRAINED = ("author", "portfolio", "search")
"""Kinds of trials that have a configuration."""
CERTAIN = ("sensitivity", "specificity", "event_sensitivity")
"""Metrics in which a constant decision is perfect by definition: there it is no yardstick, and no seed."""


def configuration_of(record: Record) -> bytes | None:
    """Returns what the seeds of a configuration share, as a digest; None for what is no seed of any.

    A seed was trained and has a value. Those that successive halving stopped are seeds of each other where
    they stopped at the same epoch: their values are of a shorter training. Baselines and given scores have
    no configuration.
    """
    ask, config = record.ask, record.ask.config
    if ask.kind not in TRAINED or config is None or record.value is None or record.state == "failed":
        return None
    if record.constant_decision and record.objective in CERTAIN:
        return None
    trained = f"stopped {record.epochs}" if record.state == "stopped" else "to its end"
    return hashlib.blake2b(f"{config.model_dump_json()} {trained}".encode(), digest_size=16).digest()


@dataclass(slots=True)
class Standing:
    """A configuration with its seeds; or a trial that is no seed of any, by itself.

    Args:
        seeds: how many trials have a value.
        total: the exact sum of their values.
        first: the lowest number of these trials.
        shown: the lowest number of those that decide something, else `first`: the trial that stands for it.
        decides: whether any of them decides something, rather than the same of all rows.
        name: its head, or the name of a baseline.
        sign: what a value is multiplied by so that the larger is the better.
    """

    seeds: int
    total: float | Fraction
    first: int
    shown: int
    decides: bool
    name: str
    sign: float = 1.0

    @property
    def trial_id(self) -> str:
        """The id of the trial that stands for it."""
        return f"{self.shown:05d}"

    @property
    def mean(self) -> float:
        """The mean of the values, rounded once: it is the same in whatever order the trials came."""
        return float(self.total / self.seeds) if self.seeds > 1 else float(self.total)

    def add(self, other: "Standing") -> None:
        """Adds another seed."""
        if other.decides == self.decides:
            self.shown = min(self.shown, other.shown)
        elif other.decides:
            self.shown = other.shown
        self.seeds += other.seeds
        self.total = Fraction(self.total) + Fraction(other.total)
        self.first = min(self.first, other.first)
        self.decides |= other.decides

    @property
    def merit(self) -> tuple[bool, float, int]:
        """What configurations are ordered by, the largest first; equal ones by their first trial."""
        return self.decides, self.sign * self.mean, -self.first


class Standings:
    """All configurations of a run, kept as trials finish; a trial costs the same however many there are.

    Args:
        records: what it starts with, in any order.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._found: dict[bytes | int, Standing] = {}
        self._best: Standing | None = None
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Adds a finished trial."""
        if record.value is None:
            return
        ask, decides = record.ask, not record.constant_decision
        name = ask.config.head if ask.config else str(ask.name)
        one = Standing(1, record.value, ask.number, ask.number, decides, name, sign_of(record.objective))
        found = self._found.setdefault(_key(record), one)
        before = self._best.merit if self._best is not None else None
        if found is not one:
            found.add(one)
        if self._best is None or before is None:
            self._best = found
        elif found is self._best and found.merit < before:
            self._best = max(self._found.values(), key=lambda standing: standing.merit)
        elif found.merit > self._best.merit:
            self._best = found

    @property
    def best(self) -> Standing | None:
        """The best of all, baselines among them; None if no trial has a value."""
        return self._best

    def of(self, record: Record) -> Standing:
        """Returns the standing of a trial that was added and has a value."""
        return self._found[_key(record)]

    def merit(self, record: Record) -> tuple[bool, float, int, int]:
        """What trials with a value are ordered by, the largest first.

        A trial that decides something comes before one that decides the same of all rows, then the mean of
        the configuration counts; equal configurations, and the seeds of one, stand in the order of their
        numbers: a seed is not picked for its luck.
        """
        standing = self.of(record)
        return (
            not record.constant_decision,
            standing.sign * standing.mean,
            -standing.first,
            -record.ask.number,
        )


def mean_of(seeds: int, end: str = "") -> str:
    """Returns what stands after the name of a trial whose value is that of several seeds."""
    return f", mean of {seeds} seeds{end}" if seeds > 1 else ""


def _key(record: Record) -> bytes | int:
    configuration = configuration_of(record)
    return record.ask.number if configuration is None else configuration
