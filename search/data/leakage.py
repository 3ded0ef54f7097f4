"""Finds signs of leakage between parts: copied rows, split recordings, overlapping windows."""

import hashlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import PARTS, Rows, blocks
from search.data.shards import Inputs, Part

MIN_VALUES = 8
"""Different values a row must hold before a copy of it is more than chance: rows of flags are often equal."""

MIN_SLICES = 8
"""Time samples that must be shared at least, where one sample holds few values."""

WIDE = 32
"""Values from which one slice (a frame of a spectrogram) tells by itself where it came from."""

MIN_CHANGES = 8
"""Changes of value along a wide slice below which it counts as padding."""

WIDE_EDGE = (1, 2)
"""Frames at the head and the tail of a spectrogram that may hold padding and so differ in a true overlap."""

SPARE_BITS = 30
"""A shared run must be this much rarer than chance anywhere in the data: a false alarm in 2**30 data sets."""

SAMPLED_SLICES = 2**20
"""Slices from which the information in one slice is estimated."""

MOST_PAIRS = 1000
"""Pairs after which the search stops: the message needs a count, not a list."""

ANCHORS_PER_PART = 4
"""Rows of one part kept per head, so that content repeated a thousand times costs no million comparisons."""

KEPT_CODES = 2**23
"""Up to so many hashes of slices, 8 bytes each, are kept instead of being computed twice."""

Coded = tuple[NDArray[np.uint64], NDArray[np.bool_]]
"""Hashes of slices, and which of them hold more than padding; see `_codes`."""

_FILTER_BITS = 24
_BASE = np.uint64(0x9E3779B97F4A7C15)


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
    # Both read all rows, mostly in numpy and BLAKE2b, which run beside each other.
    with ThreadPoolExecutor(1) as beside:
        overlapping = beside.submit(_overlapping_content, rows, parts, names)
        signs = (
            _copies(rows, parts, names),
            _straddling(rows.groups, "groups", parts, names),
            _straddling_recordings(rows, parts, names),
            overlapping.result(),
        )
    return tuple(sign for sign in signs if sign)


def copies(rows: Rows) -> tuple[int, int]:
    """Counts rows that are exact copies of an earlier row, and distinct rows with unlike labels."""
    _, first, code = np.unique(row_hashes(rows), return_index=True, return_inverse=True)
    unlike = (rows.y != rows.y[first][code]).reshape(len(rows), -1).any(axis=1)
    return len(rows) - len(first), len(np.unique(code[unlike]))


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


@dataclass(frozen=True)
class Overlap:
    """One pair of overlapping rows in different parts.

    Args:
        later: the row whose head is shared.
        earlier: the row whose tail is shared.
        shift: slices by which `later` starts after `earlier`.
        shared: slices in common.
    """

    earlier: int
    later: int
    shift: int
    shared: int


def find_overlaps(x: Inputs, axis: int, parts: NDArray[np.integer[Any]]) -> list[Overlap]:
    """Pairs of rows in different parts where the tail of one equals the head of the other.

    The head of every row (its first stretch that is not constant) is hashed and looked up in all stretches of
    all rows; each match is then compared value by value, to the ends of both rows. How long a stretch must be
    follows from the data: its information has to exceed, by `SPARE_BITS`, that of choosing any two rows and a
    shift. Padding and constant signals hold none; symbols such as one-hot codes hold little.

    Args:
        x: rows `(n, ...)` with time along `axis`.
        axis: 1 or above.
        parts: `(n,)` the part of each row; pairs within one part are passed over.

    Returns:
        At most `MOST_PAIRS` pairs.
    """
    slices, wide = x.shape[axis], math.prod(x.shape[1:]) // x.shape[axis] >= WIDE
    length = _stretch(x, axis, wide)
    if length >= slices:
        return []
    every = _blocks(x)
    kept = len(every) if len(x) * slices <= KEPT_CODES else 0  # of some, the second pass would find none
    coded = lru_cache(kept)(lambda start, stop: _codes(x[start:stop], axis, wide))
    anchors = _anchors(every, coded, length, wide, parts)
    if anchors is None:
        return []
    found: list[Overlap] = []
    for block in every:
        codes, _ = coded(block.start, block.stop)
        for earlier, at, later, place in anchors.matches(_stretches(codes, length), parts[block]):
            pair = _compared(x, axis, earlier + block.start, later, at - place, wide)
            if pair is not None:
                found.append(pair)
            if len(found) == MOST_PAIRS:
                return found
    return found


@dataclass(frozen=True)
class _Anchors:
    """The hashed heads of rows, sorted by hash, with a bit table that rules most look-ups out."""

    codes: NDArray[np.uint64]
    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    parts: NDArray[np.integer[Any]]
    table: NDArray[np.bool_]

    def matches(
        self, stretches: NDArray[np.uint64], parts: NDArray[np.integer[Any]]
    ) -> list[tuple[int, int, int, int]]:
        """(row, place) of a stretch and (row, place) of an equal head in another part, the stretch later."""
        rows, at = np.nonzero(self.table[_low_bits(stretches)])
        wanted = stretches[rows, at]
        low = np.searchsorted(self.codes, wanted, side="left")
        count = np.searchsorted(self.codes, wanted, side="right") - low
        source = np.repeat(np.arange(len(wanted)), count)
        within = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
        anchor = low[source] + within
        rows, at = rows[source], at[source]
        kept = (self.parts[anchor] != parts[rows]) & (at > self.places[anchor])
        columns = (rows[kept], at[kept], self.rows[anchor[kept]], self.places[anchor[kept]])
        return list(zip(*(column.tolist() for column in columns), strict=True))


def _anchors(
    every: list[slice],
    coded: Callable[[int, int], Coded],
    length: int,
    wide: bool,
    parts: NDArray[np.integer[Any]],
) -> _Anchors | None:
    codes, rows, places = [], [], []
    for block in every:
        slices, lively = coded(block.start, block.stop)
        usable = _usable(slices, lively, length, wide)
        usable[:, : WIDE_EDGE[0] if wide else 0] = False
        has = np.flatnonzero(usable.any(axis=1))
        first = usable[has].argmax(axis=1)
        codes.append(_stretches(slices, length)[has, first])
        rows.append(has + block.start)
        places.append(first)
    code, row, place = np.concatenate(codes), np.concatenate(rows), np.concatenate(places)
    if not len(code):
        return None
    order = np.lexsort((row, parts[row], code))
    code, row, place = code[order], row[order], place[order]
    rank = _rank_in_run(code, parts[row])
    code, row, place = (column[rank < ANCHORS_PER_PART] for column in (code, row, place))
    table = np.zeros(2**_FILTER_BITS, dtype=np.bool_)
    table[_low_bits(code)] = True
    return _Anchors(codes=code, rows=row, places=place, parts=parts[row], table=table)


def _stretch(x: Inputs, axis: int, wide: bool) -> int:
    """Slices that a shared stretch must have before chance is ruled out.

    Information is collision entropy (Renyi, order 2): a stretch of m slices holds that of one slice plus
    m - 1 times what a neighbour adds, as in a Markov chain. Copied rows count once and constant pairs not at
    all, so that neither oversampling nor padding makes signals look poor. Where slices are as good as unique,
    pairs cannot tell more than slices do, and the minimum holds.
    """
    n, slices = len(x), int(x.shape[axis])
    taken = Part(x, np.arange(0, n, max(1, n * slices // SAMPLED_SLICES)))
    made = [_codes(taken[block], axis, wide) for block in _blocks(taken)]
    codes, lively = (np.concatenate(part) for part in zip(*made, strict=True))
    kept = np.unique(_stretches(codes, slices), return_index=True)[1]
    codes, lively = codes[kept], lively[kept]
    moving = (codes[:, 1:] != codes[:, :-1]) & lively[:, 1:] & lively[:, :-1]
    total = int(np.count_nonzero(moving))
    if not total:
        return slices
    one = _collision_bits(codes[:, 1:][moving])
    two = _collision_bits((codes[:, :-1] * _BASE + codes[:, 1:])[moving])
    minimum = 1 if wide else MIN_SLICES
    if two - one < 1 and total * 2.0**-one <= 2 * slices:  # overlap itself repeats a slice `slices` times
        return minimum
    needed = 2 * math.log2(n) + math.log2(slices) + SPARE_BITS - one
    return max(minimum, min(slices, 1 + math.ceil(needed / max(two - one, 1e-3))))


def _collision_bits(codes: NDArray[np.uint64]) -> float:
    """Bits of the chance that two codes agree; at most what as many codes can show."""
    counts = np.unique(codes, return_counts=True)[1].astype(np.float64)
    total = len(codes)
    return -math.log2(max((counts * (counts - 1)).sum() / max(1.0, total * (total - 1.0)), 1 / total))


def _codes(x: NDArray[Any], axis: int, wide: bool) -> Coded:
    """A 64-bit hash `(n, slices)` of each slice, and whether the slice holds more than padding."""
    flat = np.moveaxis(x, axis, 1).reshape(len(x), x.shape[axis], -1)
    bits = (flat + np.float32(0)).view(np.uint32) if flat.dtype == np.float32 else flat  # -0.0 becomes 0.0
    weights = np.random.default_rng(0).integers(1, 2**63, size=flat.shape[2], dtype=np.uint64) * 2 + 1
    codes: NDArray[np.uint64] = (bits.astype(np.uint64) + np.uint64(1)) @ weights
    codes ^= codes >> np.uint64(29)
    codes *= np.uint64(0xBF58476D1CE4E5B9)  # the mixing step of splitmix64 (Steele, Lea, Flood 2014)
    codes ^= codes >> np.uint64(32)
    if not wide:
        return codes, np.ones(codes.shape, dtype=np.bool_)
    return codes, np.count_nonzero(bits[:, :, 1:] != bits[:, :, :-1], axis=2) >= MIN_CHANGES


def _stretches(codes: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """A hash of every `length` consecutive slices, `(n, slices - length + 1)`."""
    count = codes.shape[1] - length + 1
    total = np.zeros((len(codes), count), dtype=np.uint64)
    for place in range(length):
        total *= _BASE
        total += codes[:, place : place + count]
    return total


def _usable(
    codes: NDArray[np.uint64], lively: NDArray[np.bool_], length: int, wide: bool
) -> NDArray[np.bool_]:
    """Where a stretch starts that is no padding: lively slices, or changes at half its steps or more."""
    good = lively if wide else np.pad(codes[:, 1:] != codes[:, :-1], ((0, 0), (0, 1)))
    window = length if wide else length - 1
    sums = np.pad(np.cumsum(good, axis=1), ((0, 0), (1, 0)))
    count = codes.shape[1] - length + 1
    within = sums[:, window : window + count] - sums[:, :count]
    return np.asarray(within >= (window if wide else window / 2))


def _compared(x: Inputs, axis: int, earlier: int, later: int, shift: int, wide: bool) -> Overlap | None:
    """The overlap, if the slices of both rows agree to the end, padding aside."""
    tail = np.moveaxis(x[earlier], axis - 1, 0)[shift:]
    head = np.moveaxis(x[later], axis - 1, 0)[: len(tail)]
    same = (tail == head).reshape(len(tail), -1).all(axis=1)
    inner = same[WIDE_EDGE[0] : max(WIDE_EDGE[0] + 1, len(same) - WIDE_EDGE[1])] if wide else same
    if not inner.size or not inner.all():
        return None
    return Overlap(earlier=earlier, later=later, shift=shift, shared=int(np.count_nonzero(same)))


def _blocks(x: Inputs) -> list[slice]:
    # Hashes take 8 bytes a slice and a handful of copies, whatever the width of a slice.
    return blocks(x, 2**23)


def _low_bits(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return codes & np.uint64(2**_FILTER_BITS - 1)


def _rank_in_run(codes: NDArray[np.uint64], parts: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Place of each entry among neighbours of the same hash and part."""
    starts = np.ones(len(codes), dtype=np.bool_)
    starts[1:] = (codes[1:] != codes[:-1]) | (parts[1:] != parts[:-1])
    places = np.arange(len(codes))
    return places - np.maximum.accumulate(np.where(starts, places, 0))
