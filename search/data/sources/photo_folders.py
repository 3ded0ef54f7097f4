"""Finds photos by the names of folders: one sub-folder per class to train on, or any folder to predict."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.folders import once, walk
from search.data.rows import AnyLabels
from search.data.sources.labels import encoded
from spaces.data import Images
from spaces.eeg import Part
from spaces.errors import RunError, first_of

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"})

BESIDE_SUFFIXES = frozenset(
    {"", ".csv", ".tsv", ".txt", ".json", ".xml", ".md", ".yaml", ".yml", ".db", ".ini"}
)
"""Files that lie beside photos by right; others are ignored too, but counted in a warning."""

PASSED_OVER = frozenset({"__MACOSX"})
"""Folders that hold no photos, besides hidden ones."""

NAMED = 5
"""Folders that a message names."""

_OR_CLASSES = "write data.parts: none if they are classes all the same"


PART_NAMES: Mapping[str, Part] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training"), "train"),
        **dict.fromkeys(("val", "valid", "validation"), "validation"),
        **dict.fromkeys(("test", "testing"), "test"),
    }
)
"""Names of folders, in small letters, that stand for a part of the split."""


def photos_of(
    config: Images, base: Path
) -> tuple[tuple[Path, ...], NDArray[Any], AnyLabels, NDArray[np.str_] | None]:
    """Lists the photos of a folder with one sub-folder per class, or such sub-folders per part; opens none.

    Args:
        config: folder, positive label, and whether folders are parts.
        base: the folder a relative `config.path` is taken from.

    Returns:
        The photos, sorted by part, by class, then by path; `y` `(n,)`; the names of the classes; and the
        part of each photo `(n,)`, None where the folders name none.

    Raises:
        RunError: the folders are not all classes or all parts, the classes are not of the task, a class has
            no photos, or one file is in two classes.
    """
    root = base / config.path
    if not root.is_dir():
        raise RunError(
            f"data.path must name a folder with one sub-folder of photos per class, but {root} is none"
        )
    found = [(part, folder, _photos(folder, "data.path")) for part, folder in _class_folders(root, config)]
    for _, folder, photos in found:
        if not photos:
            raise RunError(
                f"every class folder must hold photos ({_suffixes()}), but {folder} has none; "
                "remove the folder if it is not a class"
            )
    _check_one_class([(folder.name, photos) for _, folder, photos in found], root)
    names = [folder.name for _, folder, photos in found for _ in photos]
    parts = [part for part, _, photos in found for _ in photos if part is not None]
    y, labels = encoded(names, config.task, config.positive, f"sub-folders of {root}")
    paths = tuple(path for _, _, photos in found for path in sorted(photos.values()))
    return paths, y, labels, np.array(parts) if parts else None


def _class_folders(root: Path, config: Images) -> list[tuple[Part | None, Path]]:
    """The folders of the classes, each with the part of the split that it lies in."""
    folders = _folders(root)
    if not folders:
        raise RunError(
            f"data.path must hold one sub-folder of photos per class, but {root} has no sub-folders"
        )
    if loose := _loose(root):
        _warn("photos ignored in %s, for they lie in no class folder: %d", root, loose)
    if not _are_parts(folders, config):
        return [(None, folder) for folder in folders]
    others = [folder.name for folder in folders if _part(folder) is None]
    if others:
        named = first_of((folder.name for folder in folders if _part(folder)), NAMED) or "none"
        raise RunError(
            f"folders of photos must all be parts (train, validation, test) or all be classes, but in {root} "
            f"those named as parts are {named}, and those that are not {first_of(others, NAMED)}; "
            f"{_OR_CLASSES}"
        )
    parts = Counter(_part(folder) for folder in folders)
    for folder in folders:
        part = _part(folder)
        if parts[part] > 1:
            twins = " and ".join(other.name for other in folders if _part(other) == part)
            raise RunError(f"a part of the split has one folder, but {twins} in {root} both stand for {part}")
        classes = _folders(folder)
        if (beside := _loose(folder)) or not classes:
            raise RunError(
                "a part of the split must hold one sub-folder of photos per class and no photos beside them, "
                f"but {folder} holds {len(classes)} sub-folders and {beside} photos; {_OR_CLASSES}"
            )
    return [(_part(folder), below) for folder in folders for below in _folders(folder)]


def _are_parts(folders: Sequence[Path], config: Images) -> bool:
    """Whether folders stand for parts of the split, not for classes: said by the study, or told by names.

    A class may be called "test": folders are parts if two parts are named, or if the positive class lies in
    one; and they are classes if the positive class is one of them and lies in none.
    """
    if config.parts != "auto":
        return config.parts == "folders"
    named = [folder for folder in folders if _part(folder)]
    below = {inner.name for folder in named for inner in _folders(folder)}
    if config.positive in {folder.name for folder in folders} - below:
        return False
    return len(set(map(_part, named))) > 1 or config.positive in below


def _part(folder: Path) -> Part | None:
    return PART_NAMES.get(folder.name.lower())


def photos_below(path: Path) -> tuple[Path, list[Path]]:
    """Lists all photos below a folder, flat or nested, sorted; none is opened.

    Args:
        path: a folder, or one photo.

    Returns:
        The folder that names start from, and the photos.

    Raises:
        RunError: there is no folder, or no photo in it.
    """
    if path.is_file():
        return path.parent, [path]
    if not path.is_dir():
        raise RunError(f"photos must lie in a folder, but {path} is not there")
    found = _photos(path, "DATA")
    if not found:
        raise RunError(f"a folder to read must hold photos ({_suffixes()}), but {path} has none")
    return path, sorted(found.values())


def _folders(folder: Path) -> list[Path]:
    """The sub-folders of a folder, sorted; those that are passed over left out."""
    found = sorted(f for f in folder.iterdir() if not _is_hidden(f.name))
    for path in found:
        if path.suffix.lower() not in (BESIDE_SUFFIXES | PHOTO_SUFFIXES) - {""} and _leads_nowhere(path):
            raise RunError(
                f"a link among folders of photos must lead somewhere, but {path} leads to "
                f"{path.readlink()}, which is not there; mend or remove it"
            )
    return [path for path in found if path.is_dir()]


def _photos(folder: Path, named: str) -> dict[str, Path]:
    """All photos below `folder`, by their places, each once; hidden files and folders are passed over."""
    files = [at / name for at, names in walk(folder, named, PASSED_OVER) for name in names]
    photos, other = [], Counter[str]()
    for file in files:
        suffix = file.suffix.lower()
        if _is_hidden(file.name) or not (file.is_file() or _leads_nowhere(file)):
            continue
        # A link to nothing may have been a folder of photos: it is named among the bad ones.
        if suffix in PHOTO_SUFFIXES or (suffix not in BESIDE_SUFFIXES - {""} and _leads_nowhere(file)):
            photos.append(file)
        elif suffix not in BESIDE_SUFFIXES:
            other[suffix] += 1
    if other:
        listed = ", ".join(f"{count} {suffix}" for suffix, count in sorted(other.items()))
        _warn("files ignored in %s: %s; photos are %s", folder, listed, _suffixes())
    found = once(photos)
    if len(found) < len(photos):
        _warn(
            "links in %s to photos that are read already, which count once: %d",
            folder,
            len(photos) - len(found),
        )
    return found


def _loose(folder: Path) -> int:
    """How many photos lie in a folder itself, beside its sub-folders."""
    files = (f for f in folder.iterdir() if f.suffix.lower() in PHOTO_SUFFIXES and not _is_hidden(f.name))
    return sum(file.is_file() for file in files)


def _check_one_class(found: Sequence[tuple[str, Mapping[str, Path]]], root: Path) -> None:
    """Refuses one file that links put into two classes."""
    first: dict[str, tuple[str, Path]] = {}
    for name, photos in found:
        for place, path in photos.items():
            known, other = first.setdefault(place, (name, path))
            if known != name:
                raise RunError(
                    f"a photo has one class, but {other.relative_to(root)} and {path.relative_to(root)} are "
                    f"one file, {place}; remove the link from one of them"
                )


def _leads_nowhere(file: Path) -> bool:
    return file.is_symlink() and not file.exists()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in PASSED_OVER


def _suffixes() -> str:
    return " ".join(sorted(PHOTO_SUFFIXES))


def _warn(text: str, *values: object) -> None:
    logging.getLogger(__name__).warning(text, *values)
