"""Reads EDF and BDF signals as blocks of microvolts, in the montage, rate and filters of a study."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from search.data.sources.eeg.channels import Montage, resolve
from search.data.sources.eeg.edf_header import (
    Header,
    decimal_comma,
    open_header,
    unreadable,
)
from search.data.sources.eeg.filters import Conversion, kernel, ratio
from search.data.sources.eeg.record_times import Stretch
from search.data.sources.eeg.stuck_signals import Stuck
from spaces.eeg import Eeg
from spaces.errors import RunError

_MICROVOLTS: Mapping[str, float] = MappingProxyType(
    {
        spelling.casefold(): factor
        for factor, spellings in (
            # The micro sign, the Greek letter, and either as UTF-8 that was read as Latin-1.
            (1.0, ("uV", "\N{MICRO SIGN}V", "\u03bcV", "\u00c2\u00b5V", "\u00ce\u00bcV")),
            (1e3, ("mV",)),
            (1e6, ("V",)),
            (1e-3, ("nV",)),
        )
        for spelling in spellings
    }
)
"""Microvolts in one of each unit, by its folded spelling."""

_OTHER_UNITS = MappingProxyType(
    {
        unit.casefold(): unit
        for unit in (
            *("%", "degC", "degF", "K", "mmHg", "cmH2O", "kPa", "Pa", "bpm", "1/min", "Hz", "kHz", "s", "ms"),
            *("pV", "kV", "A", "mA", "uA", "nA", "Ohm", "kOhm", "MOhm", "uS", "dB", "deg", "rad", "g", "kg"),
            *("m", "cm", "mm", "l", "ml", "l/s", "l/min", "m/s^2", "lux"),
        )
    }
)
"""Units that a message may quote: the field of a damaged header may hold a part of the person's name."""


BDF_BLOCK_BYTES = 2**26
"""Blocks of BDF hold no more: of hundreds of channels at 2048 Hz, ten minutes are a gigabyte."""

Digital = NDArray[np.int16] | NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class _Source:
    """One signal of the file, and how it becomes microvolts at the study's rate."""

    samples_before: int
    rate_hz: Fraction
    samples_per_record: int
    factor: float
    offset: float
    conversion: Conversion

    def microvolts(self, digital: Digital) -> NDArray[np.float64]:
        return digital * np.float64(self.factor) + self.offset


@dataclass(frozen=True, eq=False)
class _Twin:
    """A second signal of one name, which must be the same as the one that is read.

    Args:
        name: of both.
        place: of the one that is read, among the sources.
        source: the one that is read.
        other: the second one, of the same rate.
    """

    name: str
    place: int
    source: _Source
    other: _Source

    def check(self, read: Digital, held: Digital, first: int, last: int, begin_s: float) -> None:
        """Compares the raw values that the new samples `first` to `last` of a stretch need of either."""
        apart = np.abs(self.source.microvolts(read) - self.other.microvolts(held))
        scaled = (self.source.factor, self.source.offset) != (self.other.factor, self.other.offset)
        step = abs(self.source.factor) + abs(self.other.factor) if scaled else 0.0  # each was rounded
        differ = np.flatnonzero(apart > step)
        if differ.size:
            low, _ = self.source.conversion.reach(first, last)
            raise _different(self.name, begin_s + float((low + differ[0]) / self.source.rate_hz))


def _different(name: str, at_s: float = 0.0) -> RunError:
    return RunError(
        f"signals of one name must be the same, but those called {name} differ from {at_s:.4g} s on; "
        f"say which is read, counted from 1, as data.repeated_channels: {{{name}: 1}}, or rename one"
    )


def usable(header: Header, config: Eeg) -> tuple[Stretch, ...]:
    """The stretches of a recording that are read: all that hold a window, and one without gaps in any case.

    Raises:
        RunError: there are gaps, and no stretch between them holds a window.
    """
    if len(header.stretches) == 1:
        return header.stretches
    length = round(config.window_s * config.rate_hz)
    found = tuple(one for one in header.stretches if header.within(one).samples(config.rate_hz) >= length)
    if not found:
        raise RunError(
            f"a recording must hold a window of {config.window_s:g} s, but its gaps part this one into "
            f"{len(header.stretches)} stretches, all of which are shorter"
        )
    return found


def blocks(
    path: Path, config: Eeg, block_s: float = 600.0, watched: list[tuple[str, Stuck]] | None = None
) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Reads a recording from its start to its end.

    The blocks of one stretch follow each other without gap or overlap and hold its
    `open_header(path).within(stretch).samples(rate_hz)` samples together; where they are cut makes no
    difference to the values. Each stretch is resampled and filtered by itself, so its first and last samples
    are those of a recording that begins and ends there. Memory is that of one block, widened by half the
    filter on both sides, whatever the length of the recording.

    Args:
        path: an EDF or BDF file.
        config: channels, rate and filters.
        block_s: seconds of one block, above 0; the last one of a stretch may be shorter.
        watched: an empty list, to which the name of each signal that is read is added, and for how long it
            was stuck in what was yielded so far.

    Yields:
        When the block's stretch begins, in seconds from the recording's start, and `(samples, channels)` in
        microvolts, C-contiguous.

    Raises:
        RunError: the file or a channel cannot be read. That a channel is flat is known only after the last
            block, and that two of one name differ where they do, so what was yielded before an error is to be
            thrown away.
    """
    header = open_header(path)
    montage = resolve(header.labels, config.channels, config.missing_channels, config.repeated_channels)
    taps = kernel(config)
    if header.sample_bytes == 3:
        block_s = min(block_s, float(BDF_BLOCK_BYTES / header.record_bytes * header.record_s))
    span = max(1, round(block_s * config.rate_hz))
    seen = [Stuck(header.signals[k].limits, float(header.signals[k].rate_hz)) for k in montage.signals]
    if watched is not None:
        watched += zip(montage.names, seen, strict=True)
    flat = np.ones(len(montage.names) + len(montage.channels), np.bool_)
    with _opened(path) as file:
        for stretch in usable(header, config):
            part, begin_s = header.within(stretch), float(stretch.begin_s)
            sources = _sources(part, montage, config.rate_hz, taps)
            twins = _twins(part, montage, sources, config.rate_hz)
            read, made = _Extent(len(sources)), _Extent(len(montage.channels))
            total = part.samples(config.rate_hz)
            for first in range(0, total, span):
                last = min(first + span, total)
                every = _digital(file, part, [*sources, *(twin.other for twin in twins)], first, last)
                digital, doubles = every[: len(sources)], every[len(sources) :]
                for twin, held in zip(twins, doubles, strict=True):
                    twin.check(digital[twin.place], held, first, last, begin_s)
                for source, held, stuck in zip(sources, digital, seen, strict=True):
                    low, _ = source.conversion.reach(first, last)
                    stuck.include(held[stuck.count - low :])
                read.include([held.min() for held in digital], [held.max() for held in digital])
                signals = np.stack(
                    [
                        source.conversion.piece(source.microvolts(held), first, last)
                        for source, held in zip(sources, digital, strict=True)
                    ]
                )
                block = np.ascontiguousarray((montage.weights.T @ signals).T, dtype=np.float32)
                made.include(block.min(axis=0), block.max(axis=0))
                yield begin_s, block
            flat &= np.concatenate([read.flat, made.flat])
            for stuck in seen:
                stuck.end_stretch()
    _check_moved((*montage.names, *montage.channels), flat)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(error) from None


class _Extent:
    """The least and the greatest value of each of some signals, so far."""

    def __init__(self, count: int) -> None:
        self._low, self._high = np.full(count, np.inf), np.full(count, -np.inf)

    def include(self, low: ArrayLike, high: ArrayLike) -> None:
        np.minimum(self._low, low, out=self._low)
        np.maximum(self._high, high, out=self._high)

    @property
    def flat(self) -> NDArray[np.bool_]:
        return np.asarray(self._low == self._high)


def _check_moved(names: Sequence[str], flat: NDArray[np.bool_]) -> None:
    still = tuple(dict.fromkeys(name for name, is_flat in zip(names, flat, strict=True) if is_flat))
    if still:
        channels = "channel" if len(still) == 1 else "channels"
        verb = "is" if len(still) == 1 else "are"
        raise RunError(
            f"channels must carry a signal, but {channels} {', '.join(still)} {verb} flat over the whole "
            "recording"
        )


def _sources(
    header: Header, montage: Montage, rate_hz: int, taps: NDArray[np.float64]
) -> tuple[_Source, ...]:
    return tuple(
        _source(header, number, name, rate_hz, taps)
        for number, name in zip(montage.signals, montage.names, strict=True)
    )


def _source(header: Header, number: int, name: str, rate_hz: int, taps: NDArray[np.float64]) -> _Source:
    signal = header.signals[number]
    microvolts = _MICROVOLTS.get(signal.dimension.casefold())
    if microvolts is None:
        other = _OTHER_UNITS.get(signal.dimension.casefold())
        unit = "no unit" if not signal.dimension else "another unit" if other is None else f'"{other}"'
        raise RunError(f"channels must be in uV, mV, V or nV, but {name} has {unit}")
    if signal.decimal_comma:
        raise RunError(decimal_comma(f"a range of {name}"))
    if signal.calibration is None:
        raise RunError(
            f"channels must have a physical and a digital range in the header, but {name} has none"
        )
    factor, offset = signal.calibration
    length = header.records * signal.samples_per_record
    up, down = ratio(signal.rate_hz, rate_hz, header.records * header.record_s)
    return _Source(
        samples_before=signal.samples_before,
        rate_hz=signal.rate_hz,
        samples_per_record=signal.samples_per_record,
        factor=factor * microvolts,
        offset=offset * microvolts,
        conversion=Conversion(length, up, down, taps),
    )


def _twins(header: Header, montage: Montage, sources: Sequence[_Source], rate_hz: int) -> tuple[_Twin, ...]:
    found = []
    for number, second in montage.twins:
        place = montage.signals.index(number)
        name, source = montage.names[place], sources[place]
        try:
            other = _source(header, second, name, rate_hz, source.conversion.taps)
        except RunError:  # another unit, or no range: it is no copy
            raise _different(name) from None
        if other.rate_hz != source.rate_hz:
            raise _different(name)
        found.append(_Twin(name, place, source, other))
    return tuple(found)


def _digital(
    file: BinaryIO, header: Header, sources: Sequence[_Source], first: int, last: int
) -> list[Digital]:
    """The raw digital values that each source needs for the new samples `first` to `last`."""
    reaches = [source.conversion.reach(first, last) for source in sources]
    sizes = [source.samples_per_record for source in sources]
    begin = min(low // size for (low, _), size in zip(reaches, sizes, strict=True))
    end = max(-(-high // size) for (_, high), size in zip(reaches, sizes, strict=True))
    data = _records(file, header, begin, end)
    return [
        _decoded(data, header, source)[low - begin * size : high - begin * size]
        for source, (low, high), size in zip(sources, reaches, sizes, strict=True)
    ]


def _records(file: BinaryIO, header: Header, begin: int, end: int) -> bytes:
    """Data records `begin` to `end`; they are read, not mapped, so that memory stays that of one block."""
    size = (end - begin) * header.record_bytes
    try:
        file.seek(header.header_bytes + begin * header.record_bytes)
        data = file.read(size)
    except OSError as error:
        raise unreadable(error) from None
    if len(data) < size:
        raise RunError("recordings must be complete, but this one became shorter while it was read")
    return data


def _decoded(data: bytes, header: Header, source: _Source) -> Digital:
    """The samples of one signal in whole data records."""
    width = header.sample_bytes
    records = np.frombuffer(data, np.uint8).reshape(-1, header.record_bytes)
    first, last = (
        width * n for n in (source.samples_before, source.samples_before + source.samples_per_record)
    )
    samples = np.ascontiguousarray(records[:, first:last]).reshape(-1, width)
    if width == 2:
        return samples.view("<i2")[:, 0]
    wide = np.zeros((len(samples), 4), np.uint8)
    wide[:, 1:] = samples  # in the upper bytes, so that the shift keeps the sign
    return wide.view("<i4")[:, 0] >> 8
