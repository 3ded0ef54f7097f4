"""Resamples and filters signals that are read in pieces, without seams between the pieces."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from spaces.eeg import Eeg
from spaces.errors import RunError

F64 = NDArray[np.float64]

_LARGEST_FACTOR = 50_000
"""Largest term of a resampling ratio. The polyphase filter has twenty times as many taps (8 MB)."""

_MOST_DRIFT_S = 0.1
"""By how much times may be off at the end of a recording whose rate is no simple ratio to the study's."""

ANTI_ALIASING = ("kaiser", 6.5)
"""Window of the resampling filter. Up to 80 Hz amplitudes are off by 0.04%, with scipy's 5.0 by 0.15%."""

_HAMMING = 3.3
"""A Hamming-windowed filter has this many taps, times the rate, over its transition width."""


def ratio(rate_hz: Fraction, to_hz: int, duration_s: Fraction) -> tuple[int, int]:
    """New samples `up` that stand for `down` old ones, in lowest terms.

    512 to 256 Hz is 1/2, 199.8 to 256 Hz 1280/999. A ratio with a term above 50,000 is replaced by
    the nearest one with smaller terms, if no time of the recording is then off by more than 0.1 s.

    Returns:
        `up` and `down`.

    Raises:
        RunError: a time would be off by more.
    """
    exact = to_hz / rate_hz
    near = exact
    if max(exact.numerator, exact.denominator) > _LARGEST_FACTOR:
        near = exact.limit_denominator(_LARGEST_FACTOR)
        if near > 1:
            near = 1 / (1 / exact).limit_denominator(_LARGEST_FACTOR)
    if not near or abs(near / exact - 1) * duration_s > _MOST_DRIFT_S:
        raise RunError(
            f"sampling rates must be a ratio of {to_hz} Hz with terms up to {_LARGEST_FACTOR}, "
            f"but a signal has {float(rate_hz):.9g} Hz"
        )
    return near.numerator, near.denominator


def kernel(config: Eeg) -> F64:
    """The study's band-pass and notch as one symmetric filter of odd length, at `config.rate_hz`.

    All parts are sincs under a Hamming window (`scipy.signal.firwin`), with 3.3 * rate / transition width
    taps (Widmann, Schroeger, Maess 2015, J Neurosci Methods 250:34): pass bands keep their amplitude to
    0.6%, stop bands keep 0.5% of theirs. Applied about its middle tap the filter shifts nothing in time.

    - Band-pass `[low, high]` keeps what lies in it. It falls below `low` within min(max(low / 4, 2), low) Hz
      and above `high` within min(max(high / 4, 2), rate / 2 - high) Hz, as MNE-Python's default does.
    - Notch `f` removes f +- 0.5 Hz and keeps what is 1.5 Hz away or more; harmonics stay.

    Returns:
        `(taps,)`; the single tap 1 without filters.

    Raises:
        RunError: a notch too near to 0 or to half the rate.
    """
    taps: F64 = np.ones(1)
    if config.bandpass_hz is not None:
        low, high = config.bandpass_hz
        rise, fall = min(max(low / 4, 2), low), min(max(high / 4, 2), config.rate_hz / 2 - high)
        # The signal less its low-pass, whose gain at 0 Hz is exactly 1, so that no offset remains.
        above = -_sinc(config.rate_hz, rise, low - rise / 2)
        above[above.size // 2] += 1
        taps = np.convolve(above, _sinc(config.rate_hz, fall, high + fall / 2))
    if config.notch_hz is not None:
        most = config.rate_hz / 2 - 2
        if not 2 <= config.notch_hz <= most:
            raise RunError(f"notch_hz must lie in [2, {most:g}], but got {config.notch_hz:g}")
        edges = [config.notch_hz - 1, config.notch_hz + 1]
        taps = np.convolve(taps, _sinc(config.rate_hz, 1, edges))
    return taps


def _sinc(rate_hz: float, width_hz: float, edges_hz: float | list[float]) -> F64:
    """Keeps frequencies below the first edge, and above a second one; at an edge half the amplitude."""
    from scipy.signal import firwin  # takes a second to import

    count = math.ceil(_HAMMING * rate_hz / width_hz) // 2 * 2 + 1
    taps: F64 = firwin(count, edges_hz, window="hamming", fs=rate_hz)
    return taps


@dataclass(frozen=True, eq=False)
class Conversion:
    """Resamples and filters one signal piece by piece, with the values that the whole signal would give.

    Before its start and after its end the signal is taken to stay at its first and last sample, so that
    an offset does not ring there. Resampling is `scipy.signal.resample_poly` under `ANTI_ALIASING`.

    Args:
        length: samples of the signal, at its own rate.
        up: new samples that stand for `down` old ones; no common divisor.
        down: see `up`.
        taps: odd number of filter taps at the new rate.
    """

    length: int
    up: int
    down: int
    taps: F64

    def reach(self, first: int, last: int) -> tuple[int, int]:
        """The old samples, `low` to `high`, that new samples `first` to `last` depend on; at least one."""
        low, high = self._needed(first, last)
        return min(max(low, 0), self.length - 1), max(min(high, self.length), 1)

    def piece(self, held: F64, first: int, last: int) -> F64:
        """New samples `first` to `last` of the resampled and filtered signal.

        Args:
            held: the old samples within `reach(first, last)`.
            first: of the wanted samples.
            last: one past them.

        Returns:
            `(last - first,)`.
        """
        from scipy.signal import oaconvolve, resample_poly

        low, high = self._needed(first, last)
        begin, end = self.reach(first, last)
        wide: F64 = held[np.clip(np.arange(low, high), begin, end - 1) - begin]
        if self.up != self.down:
            half = self.taps.size // 2
            offset = first - half - low // self.down * self.up
            wide = resample_poly(wide, self.up, self.down, window=ANTI_ALIASING)
            wide = wide[offset : offset + last - first + 2 * half]
        filtered: F64 = wide if self.taps.size == 1 else oaconvolve(wide, self.taps, mode="valid")
        return filtered

    def _needed(self, first: int, last: int) -> tuple[int, int]:
        """The old samples that new samples `first` to `last` would need of a signal without ends."""
        half = self.taps.size // 2
        start, stop = first - half, last + half
        if self.up == self.down:
            return start, stop
        margin = math.ceil(10 * max(self.up, self.down) / self.up) + 1  # half of resample_poly's filter
        # Begins at a multiple of `down`, where an old and a new sample coincide.
        turn = (start * self.down // self.up - margin) // self.down
        return turn * self.down, -(-stop * self.down // self.up) + margin
