"""Finds the recordings, patients and annotation files of an EEG data set by file names alone."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Literal

from search.data.folders import walk
from spaces.eeg import Eeg, Part
from spaces.errors import RunError, first_of

Known = Literal["chbmit", "siena", "seizeit", "tuh", "bids"]
"""A layout once it is recognised."""

SUFFIXES = (".edf", ".bdf")
"""Of the names of recordings, in any case."""

PASSED_OVER = frozenset({"derivatives", "sourcedata", "__MACOSX"})
"""Folders that are not searched: they hold copies of recordings, or no recordings."""

MOST_ANNOTATORS = 9
"""SeizeIT1 numbers the annotation files of one recording."""

NAMED = 3
"""Recordings that a message names before it says `and N more`."""


@dataclass(frozen=True)
class Found:
    """One recording of a data set. Every name here is made from names of files and folders, never a header.

    Args:
        edf: the EDF or BDF file.
        name: unlike that of every other recording: the file's name without suffix where that tells
            recordings apart (`chb05_01`), else its path below the root without suffix, as in
            `sub-01/eeg/sub-01_eeg`.
        group: the patient, by the one name that aliases leave, such as `chb05` or `sub-01`.
        layout: how its annotation file is to be read.
        annotations: the file that holds its annotations, perhaps among those of other recordings; None where
            there is none.
        expected: what that file is called.
        part: train, validation or test, where the study assigns it.
    """

    edf: Path
    name: str
    group: str
    layout: Known
    annotations: Path | None
    expected: str
    part: Part | None = None


@dataclass(frozen=True)
class _Layout:
    """How one layout names its files.

    Args:
        stem: matches the names of its EDF files, without suffix; the group `patient` is the patient.
        example: such a name.
        beside: from such a match to the names its annotation file may have, the first preferred.
        flat: file names tell recordings apart; else paths do.
    """

    stem: re.Pattern[str]
    example: str
    beside: Callable[[re.Match[str]], tuple[str, ...]]
    flat: bool


LAYOUTS: Mapping[Known, _Layout] = MappingProxyType(
    {
        # chb02_16+ and chb17a_03 are names of real files.
        "chbmit": _Layout(
            re.compile(r"(?P<patient>chb\d+)[a-z]?_\d+\+?"),
            "chb05_01.edf",
            lambda stem: (f"{stem['patient']}-summary.txt",),
            flat=True,
        ),
        # PN10-4.5.6 holds seizures 4 to 6.
        "siena": _Layout(
            re.compile(r"(?P<patient>PN\d+)-\d+(\.\d+)*"),
            "PN00-1.edf",
            lambda stem: (f"Seizures-list-{stem['patient']}.txt",),
            flat=True,
        ),
        "seizeit": _Layout(
            re.compile(r"(?P<patient>P_ID\d+)_r\d+"),
            "P_ID64_r1.edf",
            lambda stem: tuple(f"{stem[0]}_a{number}.tsv" for number in range(1, MOST_ANNOTATORS + 1)),
            flat=True,
        ),
        "tuh": _Layout(
            re.compile(r"(?P<patient>[a-z0-9]+)_s\d+_t\d+"),
            "aaaaaool_s001_t000.edf",
            lambda stem: (f"{stem[0]}.csv_bi", f"{stem[0]}.tse_bi"),
            flat=False,
        ),
        "bids": _Layout(
            re.compile(r"(?P<patient>sub-[^_]+)(_.+)?_eeg"),
            "sub-01_task-rest_eeg.edf",
            lambda stem: (f"{stem[0].removesuffix('_eeg')}_events.tsv",),
            flat=False,
        ),
    }
)
"""Each layout is known by the names of its EDF files, so any folder of the data set can be the root."""


def find(root: Path, config: Eeg) -> tuple[Found, ...]:
    """All recordings below a folder, hidden files and `PASSED_OVER` folders left out.

    Nothing is opened. A recording whose annotation file is missing is found as well: `annotations` is None.

    Args:
        root: the data set, or a folder of it.
        config: layout, aliases of patients, and parts.

    Returns:
        At least one recording, sorted by name.

    Raises:
        RunError: no EDF files, a layout that is not one of those known, an alias or a part that names
            nothing, a recording in two parts or in none.
    """
    folders = edf_files(root, "data.path")
    paths = [PurePosixPath(folder, file) for folder, (edfs, _) in folders.items() for file in edfs]
    layout = _recognised(paths, root) if config.layout == "auto" else config.layout
    shape = LAYOUTS[layout]
    found = {}
    for path in sorted(paths):
        stem = shape.stem.fullmatch(path.stem)
        if stem is None:
            continue
        names = shape.beside(stem)
        beside = next((name for name in names if name in folders[str(path.parent)][1]), None)
        found[path] = Found(
            edf=root / path,
            name=path.stem if shape.flat else str(path.with_suffix("")),
            group=stem["patient"],
            layout=layout,
            annotations=None if beside is None else root / path.parent / beside,
            expected=names[0],
        )
    if not found:
        raise RunError(
            f"data.layout {layout} needs files named like {shape.example}, but none of {_count(paths)} is "
            f"({root})"
        )
    _tell_ignored([path for path in paths if path not in found], layout)
    _check_names(found)
    one_name = _renamed(found, config.aliases)
    return tuple(sorted(_assigned(one_name, config), key=lambda recording: recording.name))


def edf_files(root: Path, named: str) -> dict[str, tuple[list[str], frozenset[str]]]:
    """Finds all EDF and BDF files below a folder, hidden files and `PASSED_OVER` folders left out.

    Args:
        root: the folder.
        named: what the user gave it as, for messages.

    Returns:
        By folder below `root`, as a posix path: the names of its EDF files, and of all its files.

    Raises:
        RunError: no folder, one that cannot be read, or no EDF files.
    """
    if not root.is_dir():
        raise RunError(f"{named} must name a folder of EDF recordings, but {root} is none")

    found = {}
    for folder, files in walk(root, named, PASSED_OVER):
        edfs = [name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith(".")]
        if edfs:
            found[folder.relative_to(root).as_posix()] = (edfs, frozenset(files))
    if not found:
        raise RunError(f"{named} must hold EDF or BDF recordings (*.edf, *.bdf), but {root} has none")
    return found


def _recognised(paths: Sequence[PurePosixPath], root: Path) -> Known:
    """The one layout that the names of EDF files follow."""
    fitting: dict[Known, PurePosixPath] = {}
    for path in sorted(paths):
        for layout, shape in LAYOUTS.items():
            if shape.stem.fullmatch(path.stem):
                fitting.setdefault(layout, path)
    if not fitting:
        signs = ", ".join(f"{layout} by {shape.example}" for layout, shape in LAYOUTS.items())
        raise RunError(
            f"data.layout auto knows a data set by the names of its EDF files ({signs}), but none of "
            f"{_count(paths)} is named so ({root})"
        )
    if len(fitting) > 1:
        signs = " and ".join(f"{path} looks like {layout}" for layout, path in fitting.items())
        raise RunError(
            f"data.layout auto must find one data set, but {signs}; name one as data.layout, or give the "
            f"folder of one as data.path ({root})"
        )
    return next(iter(fitting))


def _tell_ignored(paths: Sequence[PurePosixPath], layout: Known) -> None:
    if paths:
        logging.getLogger(__name__).warning(
            "EDF files ignored, for they are not named like %s: %s", LAYOUTS[layout].example, _count(paths)
        )


def _check_names(found: Mapping[PurePosixPath, Found]) -> None:
    """Refuses two files of one name, such as a patient's folder and a copy of it."""
    first: dict[str, PurePosixPath] = {}
    for path, recording in found.items():
        if (other := first.setdefault(recording.name, path)) != path:
            raise RunError(
                f"every recording needs a name of its own, but {other} and {path} share {recording.name}; "
                "remove one of them"
            )


def _renamed(found: Mapping[PurePosixPath, Found], aliases: Mapping[str, str]) -> dict[PurePosixPath, Found]:
    """Recordings with every patient under one name."""
    groups = {recording.group for recording in found.values()}
    targets = list(aliases.values())
    for alias, name in aliases.items():
        if alias not in groups:
            raise RunError(
                f"data.aliases must rename patients that are there, but {alias!r} is none; "
                f"nearest is {_nearest(alias, groups)!r}"
            )
        if name in aliases:
            raise RunError(
                f"data.aliases must lead to a final name, but {alias!r} leads to {name!r}, itself an alias"
            )
        if name not in groups and targets.count(name) == 1:  # a typo here would keep one patient two
            raise RunError(
                f"data.aliases must join patients, but {alias!r} leads to {name!r}, which no other one is "
                f"called; nearest is {_nearest(name, groups - {alias})!r}"
            )
    return {path: replace(one, group=aliases.get(one.group, one.group)) for path, one in found.items()}


def _assigned(found: Mapping[PurePosixPath, Found], config: Eeg) -> list[Found]:
    """Recordings with their parts."""
    if config.parts is None:
        return list(found.values())
    entries = [(part, entry) for part, listed in config.parts.items() for entry in listed]
    used, assigned, nowhere = set(), [], []
    for path, recording in found.items():
        fitting = [(p, e) for p, e in entries if e == recording.group or fnmatchcase(str(path), e)]
        parts: dict[Part, str] = dict(reversed(fitting))
        if "left_out" in parts:
            parts = {"left_out": parts["left_out"]}
        if len(parts) > 1:
            listed = " and ".join(f"{part} ({entry})" for part, entry in sorted(parts.items()))
            raise RunError(f"data.parts must put every recording in one part, but {path} is in {listed}")
        used.update(fitting)
        nowhere += [path] * (not parts)
        assigned += [replace(recording, part=part) for part in parts or (None,)]
    for part, entry in entries:
        if (part, entry) not in used:
            raise RunError(
                f"data.parts.{part} must name patients or match paths below data.path, but {entry!r} "
                f"does neither; {_part_hint(entry, found, config)}"
            )
    if nowhere and {*config.parts} != {"left_out"}:
        raise RunError(
            f"data.parts must put every recording in one part, but {_listed(nowhere)} "
            f"{'is' if len(nowhere) == 1 else 'are'} in none"
        )
    return assigned


def _part_hint(entry: str, found: Mapping[PurePosixPath, Found], config: Eeg) -> str:
    if entry in config.aliases:
        return f"data.aliases calls it {config.aliases[entry]!r}"
    return f"nearest is {_nearest(entry, {recording.group for recording in found.values()})!r}"


def _nearest(name: str, names: set[str]) -> str:
    return next(iter(get_close_matches(name, sorted(names), n=1, cutoff=0.0)), "none")


def _count(paths: Sequence[PurePosixPath]) -> str:
    return f"{len(paths)} EDF file{'s' * (len(paths) != 1)} ({_listed(sorted(paths))})"


def _listed(paths: Sequence[PurePosixPath]) -> str:
    return first_of(paths, NAMED)
