"""Finds photos by the names of folders: one sub-folder per class to train on, or any folder to predict."""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.data.folders import once, walk
from search.data.rows import Labels
from search.data.sources.labels import binarize
from spaces.data import Images
from spaces.errors import RunError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"})

BESIDE_SUFFIXES = frozenset(
    {"", ".csv", ".tsv", ".txt", ".json", ".xml", ".md", ".yaml", ".yml", ".db", ".ini"}
)
"""Files that lie beside photos by right; others are ignored too, but counted in a warning."""

PASSED_OVER = frozenset({"__MACOSX"})
"""Folders that hold no photos, besides hidden ones."""


def photos_of(config: Images, base: Path) -> tuple[tuple[Path, ...], NDArray[np.int8], Labels]:
    """Lists the photos of a folder with one sub-folder per class; none is opened.

    Args:
        config: folder and positive label.
        base: the folder a relative `config.path` is taken from.

    Returns:
        The photos, sorted by class, then by path; `y` `(n,)`; and the names of the two classes.

    Raises:
        RunError: the folder has no class folders, or other than two, or a class has no photos, or one file
            is in two classes.
    """
    root = base / config.path
    if not root.is_dir():
        raise RunError(
            f"data.path must name a folder with one sub-folder of photos per class, but {root} is none"
        )
    classes = _folders(root)
    if not classes:
        raise RunError(
            f"data.path must hold one sub-folder of photos per class, but {root} has no sub-folders"
        )
    _tell_loose(root)
    found = {folder.name: _photos(folder, "data.path") for folder in classes}
    for name, photos in found.items():
        if not photos:
            raise RunError(
                f"every class folder must hold photos ({_suffixes()}), but {root / name} has none; "
                "remove the folder if it is not a class"
            )
    _check_one_class(found, root)
    names = [name for name, photos in found.items() for _ in photos]
    y, labels = binarize(names, config.positive, f"sub-folders of {root}")
    return tuple(path for photos in found.values() for path in sorted(photos.values())), y, labels


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
    return sorted(f for f in folder.iterdir() if f.is_dir() and not _is_hidden(f.name))


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


def _tell_loose(folder: Path) -> None:
    """Warns of photos that lie beside the class folders: they have no class."""
    loose = [
        f
        for f in folder.iterdir()
        if f.suffix.lower() in PHOTO_SUFFIXES and not _is_hidden(f.name) and f.is_file()
    ]
    if loose:
        _warn("photos ignored in %s, for they lie in no class folder: %d", folder, len(loose))


def _check_one_class(found: dict[str, dict[str, Path]], root: Path) -> None:
    """Refuses one file that links put into two classes."""
    first: dict[str, tuple[str, Path]] = {}
    for name, photos in found.items():
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
