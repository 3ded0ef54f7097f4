"""Opens files that hold named arrays: `.npz`, a folder of `.npy`, MATLAB's `.mat`, and HDF5."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.sources import hdf5, matlab
from search.data.sources.columns import check_named
from spaces.errors import RunError, one_line

SUFFIXES = (".npz", ".npy", ".mat", ".h5", ".hdf5")
"""Names of files of arrays end so."""
KINDS = "an .npz, .mat or HDF5 file, or a folder of .npy files"
_OBJECTS = ("Object arrays", "Python objects", "pickled")
"""In what numpy says of arrays that can run code."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Arrays of one file or folder, each read when it is taken.

    Args:
        path: of the file or folder.
        names: of the arrays.
        read: reads one; may raise whatever a damaged file brings about.
    """

    path: Path
    names: tuple[str, ...]
    read: Callable[[str], Any]

    def take(self, name: str, key: str) -> NDArray[Any]:
        """Reads one array, or maps it; `key` is the setting or option that names it.

        Raises:
            RunError: it is not there, damaged, too large, or made of objects.
        """
        where = self.path.name
        name = f"{name}.npy" if f"{name}.npy" in self.names else name
        check_named(key, name, self.names, where, "an array")
        try:
            array = self.read(name)
        except MemoryError as error:
            raise RunError(
                f"arrays must fit into memory, but {name} says that it is larger: {error} ({where})"
            ) from error
        # RuntimeError: the member is encrypted; SyntaxError, TypeError and their like: its header is damaged.
        except Exception as error:
            if any(said in str(error) for said in _OBJECTS):
                raise _of_objects(name, where) from error
            reason = one_line(error, 300)
            raise RunError(f"arrays must be readable, but {name} gave: {reason} ({where})") from error
        if not isinstance(array, np.ndarray):
            raise RunError(f"{name} must be a numpy array, but it is another kind of file ({where})")
        if array.dtype.kind == "O":
            raise _of_objects(name, where)
        if array.ndim == 0:
            raise RunError(f"arrays must have one entry per row, but {name} is a single value ({where})")
        return array


def _of_objects(name: str, where: str) -> RunError:
    return RunError(
        f"arrays of Python objects are not loaded, since they can run code, but {name} is one; "
        f"save it as numbers or text, e.g. {name.removesuffix('.npy')}.astype(str) ({where})"
    )


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """Opens a file or folder of arrays, whose form is told by its first bytes. Nothing is unpickled.

    Raises:
        RunError: it is not there, or of no such form.
    """
    if path.is_dir():
        files = sorted(file.name for file in path.glob("*.npy"))
        yield Arrays(path, tuple(files), lambda name: _mapped(path / name))
        return
    if not path.is_file():
        raise RunError(f"arrays are in {KINDS}, but {path} is not there")
    with ExitStack() as stack:
        try:
            arrays = _opened(path, stack)
        except Exception as error:  # a damaged file brings about errors of many kinds
            if isinstance(error, RunError):
                raise
            reason = one_line(error, 300, named=not str(error))
            raise RunError(f"arrays are in {KINDS}, but {path.name} cannot be read: {reason}") from error
        yield arrays


def _opened(path: Path, stack: ExitStack) -> Arrays:
    with path.open("rb") as file:
        head = file.read(matlab.HEADER_BYTES + len(hdf5.MAGIC))
    if zipfile.is_zipfile(path):
        opened = stack.enter_context(np.load(path, allow_pickle=False))
        return Arrays(path, tuple(opened.files), opened.__getitem__)
    if head.startswith(b"\x93NUMPY"):
        return Arrays(path, (path.name,), lambda _: _mapped(path))
    if hdf5.MAGIC in (head[: len(hdf5.MAGIC)], head[matlab.HEADER_BYTES :]):
        file = stack.enter_context(hdf5.opened(path))
        read = matlab.read_hdf5 if head.startswith(b"MATLAB") else hdf5.read
        return Arrays(path, hdf5.names(file), lambda name: read(file, name))
    if path.suffix.lower() == ".mat":
        return Arrays(path, matlab.names(path), lambda name: matlab.read(path, name))
    raise RunError(f"arrays are in {KINDS}, but {path.name} is neither")


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
