"""From the labels of a recording to a study's channels: names made one, and what to read for each channel."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search.sources.electrodes import ELECTRODES, POSITIONS, RENAMED, spline_weights
from spaces.eeg import MONTAGES
from spaces.errors import RunError

_SPELLING = {name.upper(): name for name in ELECTRODES} | {new.upper(): old for new, old in RENAMED.items()}

_REFERENCES = frozenset(
    {
        "REF",
        "LE",
        "LER",
        "AR",
        "AV",
        "AVG",
        "AVE",
        "CAR",
        "ORG",
        "G2",
        "CS2",
    }  # ears, averages, a device's own
    | {"A1", "A2", "A1A2", "M1", "M2", "M1M2"}
)
"""What stands behind an electrode and is no electrode of the montage."""

_PREFIX = re.compile(r"^(?:EEG|POL)[\s_:]*(?=[A-Z])")

_MOST_MISSING = 4
"""At most one electrode in so many may be interpolated."""

Row = dict[int, float]
"""How one channel is made: signal number to weight."""


@dataclass(frozen=True)
class _Label:
    """What one label names; a bipolar pair is its first electrode against the second one."""

    name: str
    electrode: str
    reference: str

    @property
    def is_pair(self) -> bool:
        return self.name != self.electrode


@dataclass(frozen=True, eq=False)
class Montage:
    """What to read from one recording, and how the study's channels are made of it.

    Args:
        channels: the study's channels, in its order and in standard spelling.
        signals: numbers of the labels to read, ascending.
        names: standard name of each of those signals.
        weights: `(signals, channels)`; microvolts of the signals times these are those of the channels.
        interpolated: electrodes that neighbours stand in for.
    """

    channels: tuple[str, ...]
    signals: tuple[int, ...]
    names: tuple[str, ...]
    weights: NDArray[np.float64]
    interpolated: tuple[str, ...]


def standard_name(label: str) -> str | None:
    """The one name of an EEG signal, whatever a file calls it; None for what is not EEG.

    `EEG FP1-REF`, `Fp1-LE` and `FP1` are `Fp1`; T7, T8, P7, P8 are T3, T4, T5, T6; `T7-P7` is `T3-T5`.
    An ear or a mastoid in second place is a reference, as the words for common references are.
    """
    read = _read(label)
    return None if read is None else read.name


def _read(label: str) -> _Label | None:
    text = _PREFIX.sub("", " ".join(label.upper().split()))
    ends = [end.strip(" .") for end in text.split("-")]
    if len(ends) == 3 and ends[2].isdigit():
        ends = ends[:2]  # some programs number a label that occurs twice: T8-P8-0, T8-P8-1
    electrode = _SPELLING.get(ends[0])
    if electrode is None or len(ends) > 2:
        return None
    if len(ends) == 1:
        return _Label(electrode, electrode, "")
    reference = re.sub(r"[()+ ]|/2$", "", ends[1])
    if reference in _REFERENCES:
        return _Label(electrode, electrode, reference)
    other = _SPELLING.get(ends[1])
    if other is None or other == electrode:
        return None
    return _Label(f"{electrode}-{other}", electrode, other)


def standard_channels(wanted: Sequence[str]) -> tuple[str, ...]:
    """A study's channels in standard spelling.

    Raises:
        RunError: a name is unknown, or two name the same channel.
    """
    channels: dict[str, str] = {}
    for name in wanted:
        standard = standard_name(name)
        if standard is None:
            raise RunError(
                "channels must be 10-20, double_banana, electrodes such as Fp1 or pairs such as Fp1-F7, "
                f'but got "{name}"{_suggestion(name)}'
            )
        if standard in channels:
            raise RunError(
                f'channels must name each channel once, but "{channels[standard]}" and "{name}" '
                f"are both {standard}"
            )
        channels[standard] = name
    return tuple(channels)


def _suggestion(name: str) -> str:
    known = (*MONTAGES, *_SPELLING.values())
    ends = []
    for end in name.split("-"):
        near = difflib.get_close_matches(end.strip().upper(), [k.upper() for k in known], n=1, cutoff=0.5)
        if not near:
            return ""
        ends.append(next(k for k in known if k.upper() == near[0]))
    return f"; did you mean {'-'.join(ends)}?"


def resolve(
    labels: Sequence[str], wanted: Sequence[str], missing: Literal["stop", "interpolate"] = "stop"
) -> Montage:
    """Finds for each wanted channel what to read.

    That is, in this order: the signal of that name (the first, where a file has it twice); the same pair
    the other way round, negated; the difference of two signals that share a reference; and with `missing`
    "interpolate" an estimate from the study's other electrodes, all of one reference.

    Args:
        labels: of the file's signals, as they are written there.
        wanted: the study's channels, in any spelling.
        missing: what happens with a channel that is not there.

    Raises:
        RunError: a wanted name is not one, or a channel cannot be had from these labels.
    """
    channels = standard_channels(wanted)
    held = {k: read for k, label in enumerate(labels) if (read := _read(label)) is not None}
    rows = {name: row for name in channels if (row := _row(name, held)) is not None}
    interpolated: tuple[str, ...] = ()
    if len(rows) < len(channels):
        if missing == "stop":
            hint = "write missing_channels: interpolate, or channels: [those that all files have]"
            raise RunError(_missing(channels, rows, held, hint))
        rows, interpolated = _filled(channels, rows, held)
    signals = tuple(sorted({signal for row in rows.values() for signal in row}))
    weights = np.array([[rows[name].get(signal, 0.0) for name in channels] for signal in signals])
    return Montage(channels, signals, tuple(held[k].name for k in signals), weights, interpolated)


def _row(name: str, held: Mapping[int, _Label]) -> Row | None:
    named: dict[str, int] = {}
    referred: dict[str, dict[str, int]] = {}
    for k, label in held.items():
        named.setdefault(label.name, k)
        referred.setdefault(label.reference, {}).setdefault(label.electrode, k)
    if name in named:
        return {named[name]: 1.0}
    first, _, second = name.partition("-")
    if second and f"{second}-{first}" in named:
        return {named[f"{second}-{first}"]: -1.0}
    for electrodes in referred.values():
        if first in electrodes and second in electrodes:
            return {electrodes[first]: 1.0, electrodes[second]: -1.0}
    return None


def _filled(
    channels: tuple[str, ...], rows: Mapping[str, Row], held: Mapping[int, _Label]
) -> tuple[dict[str, Row], tuple[str, ...]]:
    """Rows for all channels, and the electrodes that had to be interpolated for them."""
    needed = tuple(dict.fromkeys(end for name in channels for end in name.split("-")))
    referred: dict[str, dict[str, int]] = {}
    for k, label in held.items():
        if label.electrode in needed and not label.is_pair:
            referred.setdefault(label.reference, {}).setdefault(label.electrode, k)
    if not referred:
        hint = "only electrodes of one reference can be interpolated, and from each other"
        raise RunError(_missing(channels, rows, held, hint))
    electrodes = max(referred.values(), key=len)
    lost = {end for name in channels if name not in rows for end in name.split("-")} - electrodes.keys()
    absent = tuple(name for name in needed if name in lost)
    most = len(needed) // _MOST_MISSING
    if len(absent) > most:
        raise RunError(
            f"at most {most} of {len(needed)} electrodes may be interpolated from the others, "
            f"but {_listed(absent)} {_are(absent)} missing (of those with one reference)"
        )
    unplaced = [name for name in absent if name not in POSITIONS]
    if unplaced:
        raise RunError(
            f"ears, mastoids and cheeks cannot be interpolated, "
            f"but {_listed(unplaced)} {_are(unplaced)} missing"
        )
    sources = tuple(name for name in needed if name in electrodes and name in POSITIONS)
    weights = spline_weights(sources, absent) if absent else np.zeros((len(sources), 0))
    single: dict[str, Row] = {name: {k: 1.0} for name, k in electrodes.items()}
    for name, column in zip(absent, weights.T, strict=True):
        single[name] = {electrodes[s]: float(w) for s, w in zip(sources, column, strict=True)}
    made = {name: rows.get(name) or _against(single, *name.split("-")) for name in channels}
    return made, absent


def _against(single: Mapping[str, Row], first: str, second: str | None = None) -> Row:
    """The row of an electrode, less that of a second one if there is one."""
    row = dict(single[first])
    if second is not None:
        for signal, weight in single[second].items():
            row[signal] = row.get(signal, 0.0) - weight
    return row


def _missing(channels: Sequence[str], rows: Mapping[str, Row], held: Mapping[int, _Label], hint: str) -> str:
    """Why channels cannot be had; only names that are known electrodes are shown, never a raw label."""
    lost = [name for name in channels if name not in rows]
    names = tuple(dict.fromkeys(label.name for label in held.values()))
    pairs = [name for name in names if "-" in name]
    has = f"the file has {_listed(names)}" if names else "the file has no EEG signal that is known"
    if len(pairs) > len(names) / 2 and any("-" not in name for name in lost):
        banana = all(_row(name, held) is not None for name in MONTAGES["double_banana"])
        write = "double_banana" if banana else f"[{_listed(pairs)}]"
        return (
            f"single electrodes cannot be had from bipolar recordings, but {_listed(lost)} "
            f"{_are(lost)} wanted and {has}; write channels: {write}"
        )
    return (
        f"recordings must hold every channel of the study, but {_listed(lost)} {_are(lost)} missing "
        f"({has}); {hint}"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
