"""Walks the folders of a data set, links included, each once."""

import os
from collections.abc import Iterable
from pathlib import Path

from spaces.errors import RunError


def walk(root: Path, named: str, passed_over: frozenset[str]) -> list[tuple[Path, list[str]]]:
    """Lists every folder below `root`, itself included, with the names of its files.

    A folder is listed once: at its own place where that is below `root`, else at the first link to it. A link
    to a folder that `root` lies in is a circle and is not followed.

    Args:
        root: a folder, or a link to one.
        named: what the user gave it as, for messages.
        passed_over: names of folders that are left out, besides those that begin with a dot.

    Raises:
        RunError: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise RunError(f"{named} must be readable, but {error.filename} gave: {error.strerror}") from None

    seen = {str(above) for above in Path(os.path.realpath(root)).parents}
    found = []
    waiting = [root]  # links come after all that is reached without them
    for start in waiting:
        for folder, below, files in os.walk(start, onerror=refuse):
            if (place := os.path.realpath(folder)) in seen:
                below.clear()
                continue
            seen.add(place)
            below[:] = sorted(name for name in below if not name.startswith(".") and name not in passed_over)
            waiting += [path for name in below if (path := Path(folder, name)).is_symlink()]
            found.append((Path(folder), sorted(files)))
    return found


def once(files: Iterable[Path]) -> dict[str, Path]:
    """Leaves out links to files that are among `files`, and further links to one file.

    Returns:
        The files that stay, by the place each has without links, which tells that two paths are one file.
    """
    ordered = sorted(files, key=lambda file: (file.is_symlink(), file))
    folders = {folder: os.path.realpath(folder) for folder in {file.parent for file in ordered}}
    places: dict[str, Path] = {}
    for file in ordered:
        place = os.path.realpath(file) if file.is_symlink() else os.path.join(folders[file.parent], file.name)
        places.setdefault(place, file)
    return places
