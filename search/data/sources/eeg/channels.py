"""Finds a study's channels among the labels of a recording: one spelling, montage, interpolation."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search.data.sources.eeg.electrodes import ELECTRODES, POSITIONS, RENAMED, spline_weights
from spaces.eeg import MONTAGES
from spaces.errors import RunError

_SPELLING = {name.upper(): name for name in ELECTRODES} | {new.upper(): old for new, old in RENAMED.items()}

_REFERENCES = frozenset(
    {*("REF", "LE", "LER", "AR", "AV", "AVG", "AVE", "AVGREF", "CAR", "ORG", "G2", "CS2")}
    | {"A1", "A2", "A1A2", "M1", "M2", "M1M2"}
)
"""What a file's label has after an electrode as its reference: averages, ears, names of a device."""

_PREFIX = re.compile(r"^(?:EEG|POL)[\s_:-]*(?=[A-Z])")

_MOST_MISSING = 4
"""At most one of so many electrodes may be interpolated."""

Row = dict[int, float]
"""How one channel is made: weights by the number of a signal."""


@dataclass(frozen=True)
class _Label:
    """What one label names: an electrode, or a pair of them.

    An ear after an electrode can be read in two ways. In a file it is the reference, and `name` is the
    electrode's. In a study it is the second electrode, and `pair` names both.
    """

    name: str
    electrode: str
    reference: str

    @property
    def is_pair(self) -> bool:
        return self.name != self.electrode

    @property
    def pair(self) -> str:
        """First and second electrode, ears among them; the name where there is no second one."""
        return f"{self.electrode}-{self.reference}" if self.reference in ELECTRODES else self.name


@dataclass(frozen=True, eq=False)
class Montage:
    """What to read from one recording, and how the study's channels are made of it.

    Args:
        channels: the study's channels, in its order and in standard spelling.
        signals: numbers of the labels to read, ascending.
        names: standard name of each of those signals.
        weights: `(signals, channels)`; microvolts of the signals times these are those of the channels.
        interpolated: electrodes that neighbours stand in for.
        notes: what a person should know about how the channels came about; known names alone.
        twins: numbers of two signals, of which the first is read, that have one name: they must be the same.
    """

    channels: tuple[str, ...]
    signals: tuple[int, ...]
    names: tuple[str, ...]
    weights: NDArray[np.float64]
    interpolated: tuple[str, ...]
    notes: tuple[str, ...] = ()
    twins: tuple[tuple[int, int], ...] = ()


def standard_name(label: str) -> str | None:
    """The one name of an EEG signal in a file, whatever it is called there; None for what is not EEG.

    `EEG FP1-REF`, `Fp1-LE` and `FP1` are `Fp1`; T7, T8, P7, P8 are T3, T4, T5, T6; `T7-P7` is `T3-T5`.
    An ear or a mastoid in second place is a reference, as the words for common references are.
    """
    read = _read(label)
    return None if read is None else read.name


def _read(label: str) -> _Label | None:
    text = _PREFIX.sub("", " ".join(label.upper().split()))
    ends = [end.strip(" .") for end in text.split("-")]
    if len(ends) > 1 and ends[-1].isdecimal():
        ends.pop()  # some programs number a label that occurs twice: T8-P8-0, T8-P8-1, Fp1-0
    electrode = _SPELLING.get(ends[0])
    if electrode is None or len(ends) > 2:
        return None
    if len(ends) == 1:
        return _Label(electrode, electrode, "")
    reference = re.sub(r"[()+ ]|/2$", "", ends[1])
    if reference == electrode.upper():
        return None
    if reference in _REFERENCES:
        return _Label(electrode, electrode, reference)
    other = _SPELLING.get(ends[1])
    if other is None or other == electrode:
        return None
    return _Label(f"{electrode}-{other}", electrode, other)


def standard_channels(wanted: Sequence[str]) -> tuple[str, ...]:
    """A study's channels in standard spelling; standard names stay as they are.

    `T4-A2` is the pair of an electrode and an ear, not T4: a study says what it wants, not how it is stored.

    Raises:
        RunError: a name is unknown, or two name the same channel.
    """
    channels: dict[str, str] = {}
    for name in wanted:
        read = _read(name)
        if read is None:
            raise RunError(
                f"channels must be {', '.join(MONTAGES)}, electrodes such as Fp1 or pairs such as Fp1-F7, "
                f'but got "{name}"{_suggestion(name)}'
            )
        standard = read.pair
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
    labels: Sequence[str],
    wanted: Sequence[str],
    missing: Literal["stop", "interpolate"] = "stop",
    repeated: Mapping[str, int] = MappingProxyType({}),
) -> Montage:
    """Finds for each wanted channel what to read.

    For an electrode that is its signal. Where a file has several references, the one that has most of the
    wanted electrodes comes first, and `notes` tell if it has not all. For a pair it is, in this order: the
    signal of that pair (the first, where a file has it twice); the pair the other way round, negated; the
    difference of two signals that share a reference. With `missing` "interpolate" an electrode that is not
    there is estimated from the study's other electrodes, all of one reference.

    Args:
        labels: of the file's signals, as they are written there.
        wanted: the study's channels, in any spelling.
        missing: what happens with a channel that is not there.
        repeated: by name, which of several signals of that name is read, counted from 1.

    Raises:
        RunError: a wanted name is not one, a channel cannot be had from these labels, or a file that has a
            name several times has it less often than `repeated` says.
    """
    channels = standard_channels(wanted)
    held = _chosen({k: read for k, text in enumerate(labels) if (read := _read(text))}, repeated)
    singles = _singles([name for name in channels if "-" not in name], held)
    rows = {name: row for name in channels if (row := _row(name, held, singles)) is not None}
    interpolated: tuple[str, ...] = ()
    if len(rows) < len(channels):
        if missing == "stop":
            raise RunError(_missing(channels, rows, held, _remedy(channels, rows, held)))
        rows, interpolated = _filled(channels, rows, held)
    signals = tuple(sorted({signal for row in rows.values() for signal in row}))
    weights = np.array([[rows[name].get(signal, 0.0) for name in channels] for signal in signals])
    names = tuple(held[k].pair if held[k].pair in channels else held[k].name for k in signals)
    twins = tuple((k, other) for k in signals for other in held if other != k and held[other] == held[k])
    notes = _mixed(rows, held) + _doubled(dict(twins), held)
    return Montage(channels, signals, names, weights, interpolated, notes, twins)


def _chosen(held: Mapping[int, _Label], repeated: Mapping[str, int]) -> dict[int, _Label]:
    """The signals without those that a study does not choose of several of one name.

    Raises:
        RunError: a file has several, but fewer than the study counts to.
    """
    kept = dict(held)
    for name, number in zip(standard_channels(tuple(repeated)), repeated.values(), strict=True):
        for label in {label for label in held.values() if name in (label.name, label.pair)}:
            same = [k for k, other in held.items() if other == label]
            if len(same) == 1:
                continue
            if number > len(same):
                raise RunError(
                    f"data.repeated_channels counts the signals of one name from 1, but got {number} for "
                    f"{name}, of which there are {len(same)}"
                )
            kept = {k: other for k, other in kept.items() if k == same[number - 1] or k not in same}
    return kept


def _by_reference(wanted: Sequence[str], held: Mapping[int, _Label]) -> list[dict[str, int]]:
    """Signals of wanted electrodes, one mapping for each reference, that of most electrodes first."""
    referred: dict[str, dict[str, int]] = {}
    for k, label in held.items():
        if label.electrode in wanted and not label.is_pair:
            referred.setdefault(label.reference, {}).setdefault(label.electrode, k)
    return sorted(referred.values(), key=len, reverse=True)


def _singles(wanted: Sequence[str], held: Mapping[int, _Label]) -> dict[str, int]:
    return {name: k for of_one in reversed(_by_reference(wanted, held)) for name, k in of_one.items()}


def _row(name: str, held: Mapping[int, _Label], singles: Mapping[str, int]) -> Row | None:
    first, _, second = name.partition("-")
    if not second:
        return {singles[first]: 1.0} if first in singles else None
    paired: dict[str, int] = {}
    referred: dict[str, dict[str, int]] = {}
    for k, label in held.items():
        paired.setdefault(label.pair, k)
        referred.setdefault(label.reference, {}).setdefault(label.electrode, k)
    if name in paired:
        return {paired[name]: 1.0}
    if f"{second}-{first}" in paired:
        return {paired[f"{second}-{first}"]: -1.0}
    for electrodes in referred.values():
        if first in electrodes and second in electrodes:
            return {electrodes[first]: 1.0, electrodes[second]: -1.0}
    return None


def _doubled(signals: Iterable[int], held: Mapping[int, _Label]) -> tuple[str, ...]:
    """A note on electrodes that a file has more than once with one reference: only the first is read.

    Of pairs that stand twice, as T8-P8 does in all of CHB-MIT, nothing is said.
    """
    twice = [held[k].electrode for k in signals if not held[k].is_pair]
    return (f"more than one signal is called {', '.join(twice)}: the first of each is read",) if twice else ()


def _mixed(rows: Mapping[str, Row], held: Mapping[int, _Label]) -> tuple[str, ...]:
    """A note where electrodes have different references: meant in sleep EEG, a mistake elsewhere."""
    against: dict[str, list[str]] = {}
    for name, row in rows.items():
        if "-" not in name:
            reference = held[min(row)].reference or "one without a name"  # the same for all of a row
            against.setdefault(reference, []).append(name)
    if len(against) < 2:
        return ()
    listed = "; ".join(f"{_listed(names)} against {reference}" for reference, names in against.items())
    return (f"no single reference has all electrodes of the study: {listed}",)


def _filled(
    channels: tuple[str, ...], rows: Mapping[str, Row], held: Mapping[int, _Label]
) -> tuple[dict[str, Row], tuple[str, ...]]:
    """Rows for all channels, and the electrodes that had to be interpolated for them."""
    needed = tuple(dict.fromkeys(end for name in channels for end in name.split("-")))
    referred = _by_reference(needed, held)
    if not referred:
        hint = "only electrodes of one reference can be interpolated, and from each other"
        raise RunError(_missing(channels, rows, held, hint))
    electrodes = referred[0]
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


def _remedy(channels: tuple[str, ...], rows: Mapping[str, Row], held: Mapping[int, _Label]) -> str:
    """What a study can say instead; interpolation only where it would succeed."""
    fewer = "channels: [those that all files have]"
    try:
        _filled(channels, rows, held)
    except RunError:
        return f"write {fewer}"
    return f"write missing_channels: interpolate, or {fewer}"


def _missing(channels: Sequence[str], rows: Mapping[str, Row], held: Mapping[int, _Label], hint: str) -> str:
    """Why channels cannot be had; only names that are known electrodes are shown, never a raw label."""
    lost = [name for name in channels if name not in rows]
    names = tuple(dict.fromkeys(label.name for label in held.values()))
    pairs = [name for name in names if "-" in name]
    has = f"the file has {_listed(names)}" if names else "the file has no EEG signal that is known"
    if len(pairs) > len(names) / 2 and any("-" not in name for name in lost):
        banana = all(_row(name, held, {}) is not None for name in MONTAGES["double_banana"])
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
