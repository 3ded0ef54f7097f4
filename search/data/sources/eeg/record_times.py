"""Reads when the data records of a recording begin, and which of them follow each other."""

import os
import re
from dataclasses import dataclass
from fractions import Fraction

from spaces.errors import RunError

_TIME = re.compile(rb"([+-]\d+(?:\.\d*)?)\x14")
"""The time at which a data record begins: its first annotation starts with it (EDF+, section 2.2.4)."""

_MOST_BYTES = 64
"""Of a record's annotations, so many are read: a time is shorter."""

TOLERANCE_S = 0.1
"""Times of records are rounded, and so is the duration of a record."""

_LONGEST_S = 1e9
"""A recording of more than thirty years comes from damaged times."""

_TIMELESS = (
    "the records of a discontinuous recording (EDF+D, BDF+D) must say when they begin, but those of this one "
    "do not; save it as a continuous one if it has no gaps"
)


@dataclass(frozen=True)
class Stretch:
    """Data records that follow each other without a gap.

    Args:
        first: number of the first.
        records: how many, at least 1.
        begin_s: when the first begins, in seconds from the start of the recording's first record.
    """

    first: int
    records: int
    begin_s: Fraction


def read_stretches(
    file: int,
    at: int,
    size: int,
    record_bytes: int,
    records: int,
    record_s: Fraction,
    *,
    discontinuous: bool,
) -> tuple[Stretch, ...]:
    """Reads the time of every record, and parts the records where one begins late.

    Where a stretch is late by less than `TOLERANCE_S` in all it goes on, so that no time in it is off by
    more. A record of a continuous recording that does not say when it begins follows the one before it.

    Args:
        file: descriptor of the open file.
        at: where the annotations of the first record begin.
        size: bytes of the annotations of one record; 0 if it has none.
        record_bytes: of one data record.
        records: how many there are.
        record_s: seconds of one.
        discontinuous: what the header says.

    Returns:
        At least one stretch, by time.

    Raises:
        RunError: a record begins before the one before it ends, times are damaged, or a discontinuous
            recording does not tell them.
        OSError: the file cannot be read.
    """

    def begins(record: int) -> bytes | None:
        found = _TIME.match(os.pread(file, min(size, _MOST_BYTES), at + record * record_bytes))
        return found[1] if found else None

    start = begins(0) if size else None
    if start is None:
        if discontinuous:
            raise RunError(_TIMELESS)
        return (Stretch(0, records, Fraction(0)),)
    zero, step = float(start), float(record_s)
    firsts, begin_s = [0], [Fraction(0)]
    since, told = 0.0, 0  # when the stretch begins, and its first record
    for record in range(1, records):
        time = begins(record)
        if time is None:
            if discontinuous:
                raise RunError(_TIMELESS)
            continue
        expected = since + (record - told) * step
        late = float(time) - zero - expected
        if abs(late) <= TOLERANCE_S:
            continue
        if late < 0:
            raise RunError(
                f"records must follow each other in time, but record {record + 1} of this recording begins "
                f"{-late:.10g} s before the one before it ends, which is after {expected:.10g} s; its times "
                "are damaged, or its records are out of order"
            )
        if not expected + late <= _LONGEST_S:
            raise RunError(
                f"records must say when they begin, but record {record + 1} of this recording begins "
                f"{late:.10g} s late: its time is damaged"
            )
        firsts.append(record)
        begin_s.append(Fraction(time.decode()) - Fraction(start.decode()))
        since, told = float(begin_s[-1]), record
    ends = [*firsts[1:], records]
    return tuple(
        Stretch(first, end - first, begin) for first, end, begin in zip(firsts, ends, begin_s, strict=True)
    )
