"""Reads the technical half of an EDF or BDF header. Nothing about the person is kept."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from edfio import BdfSignal, EdfSignal, read_bdf, read_edf

from search.data.sources.eeg.record_times import Stretch, read_stretches
from spaces.errors import RunError

_LONGEST_RECORD_S = 86_400
"""Data records longer than a day come from a damaged header."""

_FREE_TEXT = ((16, 80), (136, 80), (224, 32))
"""Offset and size of transducer, prefiltering and reserved text in the header of one signal."""

_VERSIONS = {b"0".ljust(8): (2, b"EDF"), b"\xffBIOSEMI": (3, b"BDF")}
"""How a file begins, bytes of a sample, and what the format is called in labels and in the reserved field."""

_RANGES = (104, 112, 120, 128)
"""Offsets of the physical and the digital range, 8 bytes each, in the header of one signal."""

_WHOLE = re.compile(rb" *([+-]?\d+) *")
_DECIMAL = re.compile(rb" *([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?) *")
_COMMA = re.compile(rb" *[+-]?\d*,\d* *")
"""How EDF writes numbers, which is stricter than `int` and `float`; and how some countries write them."""

_CLOCK = re.compile(rb"(\d\d)[.:](\d\d)[.:](\d\d)")


@dataclass(frozen=True)
class Signal:
    """What a header says about one signal.

    Args:
        label: as written in the file.
        rate_hz: samples per second, exactly.
        samples_per_record: samples in one data record.
        samples_before: samples of the signals that stand before it in a data record.
        dimension: its unit, as written in the file.
        calibration: factor and offset from a digital value to that unit; None where the ranges do not say.
        limits: the least and the greatest digital value; of use where there is a calibration.
        decimal_comma: a range is written with a comma where a point belongs.
    """

    label: str
    rate_hz: Fraction
    samples_per_record: int
    samples_before: int
    dimension: str
    calibration: tuple[float, float] | None
    limits: tuple[int, int] = (0, 0)
    decimal_comma: bool = False


@dataclass(frozen=True)
class Header:
    """What must be known to read a recording; who was recorded, where and when is never kept.

    Args:
        signals: without annotation signals.
        record_s: seconds of one data record, exactly.
        records: number of data records.
        record_bytes: size of one, annotation signals included.
        sample_bytes: size of one sample, 2 in EDF and 3 in BDF; little-endian, two's complement.
        header_bytes: where the data records begin.
        stretches: records that follow each other, by time; several where there are gaps.
        discontinuous: what the header says of gaps, whether there are any or not.
    """

    signals: tuple[Signal, ...]
    record_s: Fraction
    records: int
    record_bytes: int
    sample_bytes: int
    header_bytes: int
    stretches: tuple[Stretch, ...]
    discontinuous: bool

    @property
    def labels(self) -> tuple[str, ...]:
        """The signals' labels, as written in the file."""
        return tuple(signal.label for signal in self.signals)

    @property
    def duration_s(self) -> float:
        """Seconds from the first sample's start to the last one's end, gaps included."""
        return float(self.stretches[-1].begin_s + self.stretches[-1].records * self.record_s)

    @property
    def recorded(self) -> tuple[tuple[float, float], ...]:
        """Start and end of each stretch in seconds from the recording's start."""
        return tuple(
            (float(one.begin_s), float(one.begin_s + one.records * self.record_s)) for one in self.stretches
        )

    def within(self, stretch: Stretch) -> "Header":
        """What must be known to read one stretch, as if it were a recording of its own."""
        return replace(
            self,
            records=stretch.records,
            header_bytes=self.header_bytes + stretch.first * self.record_bytes,
            stretches=(replace(stretch, first=0, begin_s=Fraction(0)),),
        )

    def samples(self, rate_hz: int) -> int:
        """Samples of all records at a rate: their exact duration times the rate, rounded down."""
        return math.floor(self.records * self.record_s * rate_hz)


def open_header(path: Path) -> Header:
    """Reads the header of an EDF or BDF file, plus or not, and checks it against its size and records' times.

    Whether a recording is continuous is told by the times that its records carry, whatever the header says.

    Raises:
        RunError: it is no such file, damaged, truncated, without data, or its records are not in the order of
            time. The message quotes neither the header nor the path; edfio's own may quote the header, so
            none is passed on.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(256)
            _check_format(raw)
            count = _whole(raw[252:256], "number of signals", least=1)
            raw += file.read(256 * count)
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(error) from None
    if len(raw) < 256 * (count + 1):
        raise RunError(
            f"recordings must be complete, but this one is truncated: it holds {len(raw)} of "
            f"{256 * (count + 1)} bytes of its header"
        )
    if _whole(raw[184:192], "size of the header", least=1) != len(raw):
        raise RunError(_damaged("size of the header"))
    header = _header(raw, count)
    _check_size(header, size)
    try:
        with path.open("rb") as file:
            return replace(header, stretches=_stretches(file, raw, header))
    except OSError as error:
        raise unreadable(error) from None


def clock_agrees(path: Path, since_midnight_s: int, tolerance_s: int) -> bool | None:
    """Whether a recording began at a time of day; the header's own is compared here, and not kept.

    Returns:
        None where the header does not say: anonymised ones have 00.00.00.

    Raises:
        RunError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            told = _CLOCK.fullmatch(file.read(184)[176:])
    except OSError as error:
        raise unreadable(error) from None
    hours, minutes, seconds = map(int, told.groups()) if told else (0, 0, 0)
    if (hours, minutes, seconds) == (0, 0, 0) or hours > 23 or minutes > 59 or seconds > 59:
        return None
    apart = (hours * 3600 + minutes * 60 + seconds - since_midnight_s) % 86_400
    return min(apart, 86_400 - apart) <= tolerance_s


def _check_format(raw: bytes) -> None:
    if raw[:8] not in _VERSIONS:
        raise RunError("recordings must be EDF or BDF files, but this one does not begin as they do")
    if len(raw) < 256:
        raise RunError(
            f"recordings must be complete, but this one is truncated: it holds {len(raw)} of at least 512 "
            "bytes of its header"
        )


def _header(raw: bytes, count: int) -> Header:
    records = _whole(raw[236:244], "number of data records", least=-1)
    if records < 1:
        closed = " (the recording was never closed)" if records < 0 else ""
        raise RunError(f"recordings must hold data records, but the header counts {records}{closed}")
    record_s = _seconds(raw[244:252])
    sizes = 256 + 216 * count
    samples = [
        _whole(raw[at : at + 8], "number of samples in a record", least=1)
        for at in range(sizes, sizes + 8 * count, 8)
    ]
    sample_bytes, kind = _VERSIONS[raw[:8]]
    parsed = _parsed(_blanked(raw, count, kind))
    if parsed is None:
        raise RunError(_damaged("description of the signals"))
    signals = tuple(
        Signal(
            label=_printable(signal.label),
            rate_hz=signal.samples_per_data_record / record_s,
            samples_per_record=signal.samples_per_data_record,
            samples_before=sum(samples[:number]),
            dimension=_printable(signal.physical_dimension),
            calibration=_calibration(ranges),
            limits=_limits(ranges),
            decimal_comma=any(_COMMA.fullmatch(field) for field in ranges),
        )
        for signal, (number, ranges) in zip(parsed, _ranges(raw, count), strict=True)
    )
    return Header(
        signals=signals,
        record_s=record_s,
        records=records,
        record_bytes=sample_bytes * sum(samples),
        sample_bytes=sample_bytes,
        header_bytes=len(raw),
        stretches=(Stretch(0, records, Fraction(0)),),
        discontinuous=raw[192:197] == kind + b"+D",
    )


def _blanked(raw: bytes, count: int, kind: bytes) -> bytes:
    """The header without records, person, place, date and free text: edfio never sees those."""
    signals = bytearray(raw[256:])
    for offset, size in _FREE_TEXT:
        signals[offset * count : (offset + size) * count] = b" " * (size * count)
    personal = b" " * 160 + b"01.01.8500.00.00"
    plus = kind + b"+C" if raw[192:196] == kind + b"+" else b""  # times of records tell of gaps
    return raw[:8] + personal + raw[184:192] + plus.ljust(44) + b"0".ljust(8) + raw[244:256] + bytes(signals)


def unreadable(
    error: OSError, rule: str = "recordings must be readable files, but this one gave"
) -> RunError:
    """A rule with the system's reason, without the path. Only a missing file is bad input (exit code 2)."""
    gone = isinstance(error, FileNotFoundError)
    return RunError(f"{rule}: {error.strerror or type(error).__name__}", exit_code=2 if gone else 1)


def _parsed(content: bytes) -> Sequence[EdfSignal | BdfSignal] | None:
    """None for what edfio cannot read; the reason is dropped, as it may quote the header."""
    try:
        read = read_bdf if content.startswith(b"\xff") else read_edf
        parsed = read(content, header_encoding="latin-1")
        for signal in parsed.signals:
            signal.samples_per_data_record  # noqa: B018  (read now, so that it fails here)
    except (ValueError, ArithmeticError, LookupError, UnboundLocalError):
        return None
    return parsed.signals


def _is_text(raw: bytes, number: int) -> bool:
    """Whether a signal holds text: annotations, and when each data record begins."""
    return raw[256 + 16 * number :][:16].rstrip() == _VERSIONS[raw[:8]][1] + b" Annotations"


def _ranges(raw: bytes, count: int) -> Iterator[tuple[int, tuple[bytes, ...]]]:
    """Of each signal that holds no annotations: its number, and the fields of `_RANGES`."""
    for number in range(count):
        if not _is_text(raw, number):
            yield number, tuple(raw[256 + offset * count + 8 * number :][:8] for offset in _RANGES)


def _calibration(ranges: tuple[bytes, ...]) -> tuple[float, float] | None:
    physical = [_DECIMAL.fullmatch(field) for field in ranges[:2]]
    digital = [_WHOLE.fullmatch(field) for field in ranges[2:]]
    low, high = (float(found[1]) if found else math.nan for found in physical)
    first, last = (float(found[1]) if found else math.nan for found in digital)
    if not (low != high and first != last):
        return None
    factor = (high - low) / (last - first)
    offset = low - factor * first
    return (factor, offset) if math.isfinite(factor) and math.isfinite(offset) else None


def _limits(ranges: tuple[bytes, ...]) -> tuple[int, int]:
    """The digital range, ascending; zeros where it cannot be read, as then there is no calibration either."""
    first, last = (int(found[1]) if (found := _WHOLE.fullmatch(field)) else 0 for field in ranges[2:])
    return min(first, last), max(first, last)


def _check_size(header: Header, size: int) -> None:
    held = (size - header.header_bytes) // header.record_bytes
    if held < header.records:
        raise RunError(
            f"recordings must be complete, but this one is truncated: it holds "
            f"{float(held * header.record_s):g} of {header.duration_s:g} s"
        )
    if held > header.records:
        raise RunError(
            f"recordings must be as long as their header says, but this one says {header.duration_s:g} s "
            f"and holds {float(held * header.record_s):g} s"
        )


def _stretches(file: BinaryIO, raw: bytes, header: Header) -> tuple[Stretch, ...]:
    count = len(raw) // 256 - 1
    sizes = [int(raw[256 + 216 * count + 8 * number :][:8]) for number in range(count)]
    first = next((number for number in range(count) if _is_text(raw, number)), count)
    return read_stretches(
        file.fileno(),
        len(raw) + header.sample_bytes * sum(sizes[:first]),
        header.sample_bytes * sum(sizes[first : first + 1]),
        header.record_bytes,
        header.records,
        header.record_s,
        discontinuous=header.discontinuous,
    )


def _whole(raw: bytes, what: str, least: int) -> int:
    found = _WHOLE.fullmatch(raw)
    if found is None or int(found[1]) < least:
        raise RunError(_damaged(what))
    return int(found[1])


def _seconds(raw: bytes) -> Fraction:
    what = "duration of a data record"
    if _COMMA.fullmatch(raw):
        raise RunError(decimal_comma(f"the {what}"))
    found = _DECIMAL.fullmatch(raw)
    value = Fraction(found[1].decode()) if found else Fraction(0)
    if not 0 < value <= _LONGEST_RECORD_S:
        raise RunError(_damaged(what))
    return value


def decimal_comma(what: str) -> str:
    """The message for a number that is written as EDF does not allow."""
    return f"numbers in a header must have a decimal point, but {what} has a decimal comma"


def _damaged(what: str) -> str:
    return f"the header of a recording must be whole, but in this one the {what} is damaged"


def _printable(text: str) -> str:
    """The text without control characters, so that it stays one line."""
    return "".join(letter for letter in text if letter.isprintable()).strip()
