"""Signs that rows of different parts are not independent: copies, split recordings, overlapping windows."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.overlap import find_overlaps
from search.rows import PARTS, Rows, blocks

MIN_VALUES = 8
"""Different values a row must hold before a copy of it is more than chance: rows of flags are often equal."""


def row_hashes(rows: Rows) -> NDArray[np.uint64]:
    """A 64-bit hash of each row of `rows.x`, `(n,)`; equal rows have equal hashes (BLAKE2b)."""
    digests = bytearray()
    for block in blocks(rows.x):
        part = rows.x[block]
        part = part + np.float32(0) if part.dtype == np.float32 else part  # -0.0 becomes 0.0
        for row in np.ascontiguousarray(part):
            digests += hashlib.blake2b(row.tobytes(), digest_size=8).digest()
    return np.frombuffer(bytes(digests), dtype=np.uint64)


def find_signs(
    rows: Rows, parts: NDArray[np.integer[Any]], names: tuple[str, ...] = PARTS
) -> tuple[str, ...]:
    """Every kind of leakage found between parts, as one clause each; empty where there is none.

    Args:
        rows: the data.
        parts: `(n,)` the number of each row's part.
        names: what to call the parts 0, 1, ....
    """
    signs = (
        _copies(rows, parts, names),
        _straddling(rows.groups, "groups", parts, names),
        _straddling_recordings(rows, parts, names),
        _overlapping_content(rows, parts, names),
    )
    return tuple(sign for sign in signs if sign)


def _copies(rows: Rows, parts: NDArray[np.integer[Any]], part_names: tuple[str, ...]) -> str:
    _, code = np.unique(row_hashes(rows), return_inverse=True)
    crossing = np.flatnonzero(_crosses(code, parts, len(part_names))[code])
    if rows.kind != "image":
        codes, firsts = np.unique(code[crossing], return_index=True)
        telling = [np.unique(rows.x[row]).size >= MIN_VALUES for row in crossing[firsts]]
        crossing = crossing[np.isin(code[crossing], codes[telling])]
    if not crossing.size:
        return ""
    first = int(crossing[0])
    twin = int(crossing[(code[crossing] == code[first]) & (parts[crossing] != parts[first])][0])
    return (
        f"{crossing.size} rows have an exact copy in another part "
        f"(row {first} in {part_names[parts[first]]} is row {twin} in {part_names[parts[twin]]})"
    )


def _straddling(
    values: NDArray[np.str_] | None, noun: str, parts: NDArray[np.integer[Any]], part_names: tuple[str, ...]
) -> str:
    """Names that stand in more than one part."""
    if values is None:
        return ""
    names, code = np.unique(values, return_inverse=True)
    crosses = _crosses(code, parts, len(part_names))
    if not crosses.any():
        return ""
    first = int(np.argmax(crosses))
    places = " and ".join(part_names[part] for part in np.unique(parts[code == first]))
    return f'{int(crosses.sum())} {noun} stand in several parts ("{names[first]}" in {places})'


def _straddling_recordings(rows: Rows, parts: NDArray[np.integer[Any]], part_names: tuple[str, ...]) -> str:
    sign = _straddling(rows.recordings, "recordings", parts, part_names)
    if not sign or rows.recordings is None:
        return ""
    code = np.unique(rows.recordings, return_inverse=True)[1]
    touching = _overlapping_times(rows, code, parts)
    return (
        f"{sign}, and {touching} of their windows overlap in time with the next in another part"
        if touching
        else sign
    )


def _overlapping_times(rows: Rows, recording: NDArray[np.int64], parts: NDArray[np.integer[Any]]) -> int:
    """Windows that start before the previous window of their recording, in another part, has ended."""
    if rows.times is None or rows.window_s is None:
        return 0
    order = np.lexsort((rows.times, recording))
    step = np.diff(rows.times[order])
    # A start rounded to the microsecond is no overlap.
    early = (step < rows.window_s * (1 - 1e-6)) & (np.diff(recording[order]) == 0)
    return int(np.count_nonzero(early & (np.diff(parts[order]) != 0)))


def _overlapping_content(rows: Rows, parts: NDArray[np.integer[Any]], part_names: tuple[str, ...]) -> str:
    axis = time_axis(rows)
    if axis is None:
        return ""
    pairs = find_overlaps(rows.x, axis, parts)
    if not pairs:
        return ""
    one = min(pairs, key=lambda pair: pair.shift)
    later, earlier = (part_names[parts[row]] for row in (one.later, one.earlier))
    return (
        f"windows overlap across parts, in at least {len(pairs)} pairs "
        f"(row {one.later} in {later} starts {one.shift} of {rows.x.shape[axis]} steps "
        f"into row {one.earlier} in {earlier})"
    )


def time_axis(rows: Rows) -> int | None:
    """The axis of `rows.x` that is time: 1 of `(n, samples, channels)`, 2 of `(n, 32, 9, channels)`."""
    if rows.kind != "image" and len(rows.x.shape) == 3:
        return 1
    return 2 if rows.kind == "eeg" and len(rows.x.shape) == 4 else None


def _crosses(code: NDArray[np.int64], parts: NDArray[np.integer[Any]], count: int) -> NDArray[np.bool_]:
    """Which codes 0, 1, ... have rows in more than one part."""
    present = np.zeros((int(code.max()) + 1, count), dtype=np.bool_)
    present[code, parts] = True
    return np.asarray(present.sum(axis=1) > 1)
