"""Writes files atomically and durably, and digests files."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces a file so that readers, and a machine that loses power, see the old or the new one whole."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    _sync(path.parent)


def make_folder(path: Path) -> None:
    """Makes a folder with all above it, so that files in it survive what they survive themselves."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    _sync(path.parent)


def is_new_or_empty(folder: Path) -> bool:
    """Whether a folder can be written without touching anything: nothing is there, or an empty folder."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def sweep(folders: Iterable[Path], name: str = "*") -> None:
    """Deletes what writers that were killed left half written; none may be at work.

    Args:
        folders: where to look; those that are not there hold nothing.
        name: of the files that were being written, as a pattern.
    """
    for folder in folders:
        for left in folder.glob(f".{name}.tmp"):
            left.unlink(missing_ok=True)


def digest_of_files(paths: Iterable[Path], root: Path) -> str:
    """Returns the sha256 of files, names below `root` and contents, in order of their names.

    Returns:
        64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
