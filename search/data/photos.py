"""What the photos of a data set are like before they are resized."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras and scanners use of 16-bit files, from the lowest on."""

WHOLE = 16
"""All of a 16-bit value: its upper eight bits are kept."""

BULK = 0.999
"""Share of the values that a depth must hold to be called that of nearly all."""


@dataclass(frozen=True, kw_only=True)
class Photos:
    """What some photos are like together.

    Args:
        kinds: how they are stored, such as `8-bit colour`, and how many negative and positive ones are so.
        widths: the smallest and the largest, in pixels.
        heights: likewise.
        enlarged: how many are narrower or lower than the rows made of them.
        values: of the negative and of the positive 16-bit photos, how many values need 8, 10, 12, 14 and 16
            bits; opacity does not count.
    """

    kinds: tuple[tuple[str, int, int], ...]
    widths: tuple[int, int]
    heights: tuple[int, int]
    enlarged: int
    values: tuple[tuple[int, ...], tuple[int, ...]]

    @property
    def bits(self) -> int | None:
        """The fewest bits that hold every value of the 16-bit photos; None where there are no such photos."""
        return _holding(self._total, 1.0)

    def scaling(self) -> str:
        """Says how 16-bit photos are scaled; empty where there are none."""
        if self.bits is None:
            return ""
        negative, positive = (_holding(values, 1.0) for values in self.values)
        alike = negative == positive or None in (negative, positive)
        whose = "" if alike else f" (negative ones {negative}, positive ones {positive})"
        kept = ", the upper 8 of which are kept" if self.bits > DEPTHS[0] else ""
        bulk = _holding(self._total, BULK)
        fewer = "" if bulk == self.bits else f"; {BULK:.1%} of their values need {bulk} alone"
        return f"16-bit photos use {self.bits} bits{whose}{kept}{fewer}"

    @property
    def _total(self) -> tuple[int, ...]:
        return _sums(self.values)


def _holding(values: Sequence[int], share: float) -> int | None:
    """The fewest bits that hold a share of the values; None where there are no values."""
    within = 0
    for bits, count in zip(DEPTHS, values, strict=True):
        within += count
        if count and within >= share * sum(values):
            return bits
    return None


def merged(some: Iterable[Photos | None]) -> Photos | None:
    """Describes several sets as one; None where none of them holds a photo."""
    sets = [photos for photos in some if photos is not None]
    if not sets:
        return None
    negative, positive = Counter[str](), Counter[str]()
    for photos in sets:
        for kind, without, having in photos.kinds:
            negative[kind] += without
            positive[kind] += having
    return Photos(
        kinds=tuple((kind, negative[kind], positive[kind]) for kind in sorted(negative)),
        widths=(min(p.widths[0] for p in sets), max(p.widths[1] for p in sets)),
        heights=(min(p.heights[0] for p in sets), max(p.heights[1] for p in sets)),
        enlarged=sum(photos.enlarged for photos in sets),
        values=(_sums([photos.values[0] for photos in sets]), _sums([photos.values[1] for photos in sets])),
    )


def _sums(rows: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True)))


def stored(values: dict[str, Any] | None) -> Photos | None:
    """Makes the value again of what `asdict` and JSON made of it."""
    if values is None:
        return None
    return Photos(
        kinds=tuple((kind, negative, positive) for kind, negative, positive in values["kinds"]),
        widths=tuple(values["widths"]),
        heights=tuple(values["heights"]),
        enlarged=values["enlarged"],
        values=(tuple(values["values"][0]), tuple(values["values"][1])),
    )
