"""What the photos of a data set are like before they are resized."""

from collections import Counter
from collections.abc import Iterable
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
        values: how many values of 16-bit photos need 8, 10, 12, 14 and 16 bits; opacity does not count.
    """

    kinds: tuple[tuple[str, int, int], ...]
    widths: tuple[int, int]
    heights: tuple[int, int]
    enlarged: int
    values: tuple[int, int, int, int, int]

    @property
    def bits(self) -> int | None:
        """The fewest bits that hold every value of the 16-bit photos; None where there are no such photos."""
        return max((bits for bits, count in zip(DEPTHS, self.values, strict=True) if count), default=None)

    @property
    def bulk_bits(self) -> int | None:
        """The fewest bits that hold nearly all values of the 16-bit photos (see `BULK`)."""
        within = 0
        for bits, count in zip(DEPTHS, self.values, strict=True):
            within += count
            if count and within >= BULK * sum(self.values):
                return bits
        return None

    def scaling(self) -> str:
        """Says how 16-bit photos are scaled; empty where there are none."""
        if self.bits is None:
            return ""
        kept = ", the upper 8 of which are kept" if self.bits > DEPTHS[0] else ""
        fewer = (
            "" if self.bulk_bits == self.bits else f"; {BULK:.1%} of their values need {self.bulk_bits} alone"
        )
        return f"16-bit photos use {self.bits} bits{kept}{fewer}"


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
    values = [sum(photos.values[k] for photos in sets) for k in range(len(DEPTHS))]
    return Photos(
        kinds=tuple((kind, negative[kind], positive[kind]) for kind in sorted(negative)),
        widths=(min(p.widths[0] for p in sets), max(p.widths[1] for p in sets)),
        heights=(min(p.heights[0] for p in sets), max(p.heights[1] for p in sets)),
        enlarged=sum(photos.enlarged for photos in sets),
        values=(values[0], values[1], values[2], values[3], values[4]),
    )


def stored(values: dict[str, Any] | None) -> Photos | None:
    """Makes the value again of what `asdict` and JSON made of it."""
    if values is None:
        return None
    return Photos(
        kinds=tuple((kind, negative, positive) for kind, negative, positive in values["kinds"]),
        widths=tuple(values["widths"]),
        heights=tuple(values["heights"]),
        enlarged=values["enlarged"],
        values=tuple(values["values"]),
    )
