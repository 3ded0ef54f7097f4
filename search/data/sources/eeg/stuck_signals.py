"""Counts for how long a signal rests at its digital limits or does not change, while it is read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CONSTANT_S = 1.0
"""Shorter stretches of one value are chance, or the resolution of a quiet signal."""

TOLD_S = 1.0
"""Less than this in a whole recording is not told: the greatest sample alone may stand at the limit."""


class Stuck:
    """One signal, told its digital values block by block.

    Args:
        limits: the least and the greatest digital value that the header allows.
        rate_hz: of the signal.
    """

    def __init__(self, limits: tuple[int, int], rate_hz: float) -> None:
        self.count = 0
        """Samples so far of the stretch that is being read."""
        self._limits, self._rate_hz = limits, rate_hz
        self._at_limit = self._constant = 0
        self._value, self._run = 0, 0  # the last value, and how many samples have it

    def include(self, digital: NDArray[np.integer]) -> None:
        """Counts the samples `(n,)` that follow those so far."""
        if not len(digital):
            return
        self.count += len(digital)
        low, high = self._limits
        self._at_limit += int(np.count_nonzero((digital <= low) | (digital >= high)))
        starts = np.concatenate([[0], np.flatnonzero(digital[1:] != digital[:-1]) + 1])
        lengths = np.diff(np.append(starts, len(digital)))
        values = digital[starts]
        if self._run and values[0] == self._value:
            lengths[0] += self._run
        else:
            self._constant += self._counted(np.array([self._value]), np.array([self._run]))
        self._constant += self._counted(values[:-1], lengths[:-1])
        self._value, self._run = int(values[-1]), int(lengths[-1])

    def end_stretch(self) -> None:
        """Says that the samples to come do not follow those so far."""
        self._constant += self._counted(np.array([self._value]), np.array([self._run]))
        self.count = self._run = 0

    def _counted(self, values: NDArray[np.integer], lengths: NDArray[np.integer]) -> int:
        low, high = self._limits
        long = (lengths >= CONSTANT_S * self._rate_hz) & (values > low) & (values < high)
        return int(lengths[long].sum())

    @property
    def at_limit_s(self) -> float:
        """Seconds at either digital limit."""
        return self._at_limit / self._rate_hz

    @property
    def constant_s(self) -> float:
        """Seconds in stretches of one value, at least `CONSTANT_S` each, that is at no limit."""
        running = self._counted(np.array([self._value]), np.array([self._run]))
        return (self._constant + running) / self._rate_hz


def told(watched: Sequence[tuple[str, Stuck]]) -> tuple[str, ...]:
    """Says which signals of a recording were stuck, and for how long, in one line; nothing where none was.

    Args:
        watched: name and count of each signal, the whole recording read.
    """
    said = []
    for name, stuck in watched:
        for seconds, what in ((stuck.at_limit_s, "at its digital limit"), (stuck.constant_s, "constant")):
            if seconds >= TOLD_S:
                said.append(f"{name} {what} for {seconds:.4g} s")
    return (", ".join(said),) if said else ()
