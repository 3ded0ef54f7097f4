"""Reads the seizures of a recording, checks or mends them, and labels windows by them."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from search.data.sources.eeg import annotation_formats, siena_list
from search.data.sources.eeg.annotation_formats import Interval
from search.data.sources.eeg.edf_header import clock_agrees, unreadable
from search.data.sources.eeg.layouts import Found, Known
from spaces.eeg import Eeg
from spaces.errors import RunError

END_TOLERANCE_S = 1.0
"""EDF files end on whole records, so an annotation may end a little after the last record."""

ROUNDING_S = 1e-6
"""Two intervals that touch may overlap by so much where an end was computed as onset plus duration."""

SHARE_DECIMALS = 9
"""Shares are rounded here, so that half a window is 0.5 at any time of a long recording."""

REGISTRATION_TOLERANCE_S = 60
"""Siena's lists give a recording's end up to 20 s off; the typos that matter are of hours."""

_READERS: Mapping[Known, Callable[[str, Found, Eeg], list[Interval]]] = MappingProxyType(
    {
        "chbmit": lambda text, found, _: annotation_formats.chbmit(text, found.edf.stem),
        "siena": lambda text, found, _: siena_list.seizures(text, found.edf.stem),
        "seizeit": lambda text, *_: annotation_formats.seizeit(text),
        "tuh": lambda text, *_: annotation_formats.tuh(text),
        "bids": lambda text, _, config: annotation_formats.bids(
            text, config.seizure_types, config.other_types
        ),
    }
)


def read(
    found: Found, config: Eeg, duration_s: float | None = None
) -> tuple[tuple[Interval, ...], tuple[str, ...]]:
    """The seizures of one recording as its annotation file has them, unmended.

    Args:
        found: a recording.
        config: names of event types, and whether bad annotations are mended.
        duration_s: length of its signal in seconds; then clock times that disagree with the recording are
            refused.

    Returns:
        The seizures, and what was tolerated.

    Raises:
        RunError: no annotation, or one that cannot be read; the message names neither path nor recording.
    """
    if found.annotations is None:
        raise RunError(f"no annotation beside it: expected {found.expected}")
    try:
        content = found.annotations.read_bytes()
    except OSError as error:
        raise unreadable(error, "an annotation must be readable, but it gave") from None
    text = _decoded(content)
    seizures = tuple(_READERS[found.layout](text, found, config))
    if found.layout != "siena" or duration_s is None:
        return seizures, ()
    return seizures, _registered(text, found, duration_s, config.bad_annotations == "mend")


def _registered(text: str, found: Found, duration_s: float, mend: bool) -> tuple[str, ...]:
    """Notes on a list whose times of day all count from a registration start that was typed by hand.

    A signal that is shorter than listed may have been cut or the start mistyped: the header's clock tells
    these apart where it was not blanked.
    """
    start_s, listed_s = siena_list.registration(text, found.edf.stem)
    agrees = clock_agrees(found.edf, start_s, REGISTRATION_TOLERANCE_S)
    if agrees is False:
        raise RunError(
            "the registration start must agree with the clock in the EDF header to "
            f"{REGISTRATION_TOLERANCE_S} s, but it does not; correct the list"
        )
    if listed_s is None or abs(listed_s - duration_s) <= REGISTRATION_TOLERANCE_S:
        return ()
    if duration_s > listed_s or not mend:
        raise RunError(
            f"registration times must agree with the signal to {REGISTRATION_TOLERANCE_S} s, but by them it "
            f"lasts {listed_s} s, and it is {duration_s:g} s long; correct the list"
        )
    begins = "it starts with the registration" if agrees else "its start is taken for the registration's"
    return (f"the signal is {duration_s:g} s of the {listed_s} s listed; {begins}",)


def _decoded(content: bytes) -> str:
    """Text in UTF-8, with or without a mark, or in Latin-1; lines end in `\\n`."""
    if b"\0" in content:
        raise RunError("an annotation must be text in UTF-8 or Latin-1, but it holds zero bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if not text.strip():  # as after a broken copy; it does not say that there were no seizures
        raise RunError("an annotation must say whether there were seizures, but the file is empty")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tidy(
    intervals: Sequence[Interval], duration_s: float, mend: bool
) -> tuple[tuple[Interval, ...], tuple[str, ...]]:
    """Seizures that lie within the signal, ascending and disjoint; those that touch become one.

    An end up to `END_TOLERANCE_S` past the signal's is cut without a word.

    Args:
        intervals: seizures as annotated, finite.
        duration_s: length of the signal in seconds, above 0.
        mend: cut to the signal, merge what overlaps and drop what is empty, instead of refusing it.

    Returns:
        The seizures, and what was mended, one note for each kind.

    Raises:
        RunError: without `mend`, for a seizure that starts before the signal, does not end after it starts,
            ends or starts past the signal's end, or overlaps another.
    """
    if not mend:
        _refuse_bad(sorted(intervals), duration_s)
    ordered = [(start, end) for start, end in sorted(intervals) if start < end]
    inside = [(start, end) for start, end in ordered if end > 0 and start < duration_s]
    merged: list[Interval] = []
    overlapping = 0
    for start, end in ((max(start, 0.0), min(end, duration_s)) for start, end in inside):
        if merged and start <= merged[-1][1]:
            overlapping += start < merged[-1][1] - ROUNDING_S
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    counts = {
        "of negative or no length dropped": len(intervals) - len(ordered),
        "before the start of the signal dropped": sum(end <= 0 for _, end in ordered),
        "past the end of the signal dropped": sum(start >= duration_s for start, _ in ordered),
        "cut to the signal": sum(s < 0 or e > duration_s + END_TOLERANCE_S for s, e in inside),
        "merged with one that it overlaps": overlapping,
    }
    return tuple(merged), tuple(f"{n} seizure{'s' * (n != 1)} {what}" for what, n in counts.items() if n)


def _refuse_bad(intervals: Sequence[Interval], duration_s: float) -> None:
    latest = -math.inf
    for start, end in intervals:
        at = f"{start:g} to {end:g} s"
        if start < 0:
            raise RunError(f"a seizure must start at 0 s or later, but one is negative: {at}")
        if end <= start:
            raise RunError(f"a seizure must end after it starts, but one is of negative or no length: {at}")
        if end > duration_s + END_TOLERANCE_S:
            raise RunError(f"a seizure must end within the signal of {duration_s:g} s, but one is at {at}")
        if start >= duration_s:
            raise RunError(f"a seizure must start within the signal of {duration_s:g} s, but one is at {at}")
        if start < latest - ROUNDING_S:
            raise RunError(f"seizures must not overlap, but one ends at {latest:g} s and one is at {at}")
        latest = end


def seizure_share(
    starts_s: NDArray[np.float64], window_s: float, seizures: Sequence[Interval]
) -> NDArray[np.float64]:
    """The share of each window that lies in a seizure.

    Args:
        starts_s: starts of windows in seconds, `(n,)`, in any order.
        window_s: their length in seconds, above 0.
        seizures: ascending and disjoint, as `tidy` returns them.

    Returns:
        `(n,)` in [0, 1], rounded to `SHARE_DECIMALS`.
    """
    if not seizures:
        return np.zeros(len(starts_s))
    edges = np.array(seizures, dtype=np.float64)
    lengths = edges[:, 1] - edges[:, 0]
    # Seconds of seizure up to a time: flat between seizures, rising by one a second within.
    total = np.stack([np.cumsum(lengths) - lengths, np.cumsum(lengths)], axis=1)
    before, after = (np.interp(t, edges.ravel(), total.ravel()) for t in (starts_s, starts_s + window_s))
    return np.clip(np.round((after - before) / window_s, SHARE_DECIMALS), 0.0, 1.0)
