"""Reads arrays of HDF5 files."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\x89HDF\r\n\x1a\n"
"""The first bytes of a file, or those after MATLAB's header."""


def opened(path: Path) -> Any:
    """Opens a file for reading; it is a context manager."""
    import h5py  # late: no other source needs it

    return h5py.File(path, "r")


def names(file: Any) -> tuple[str, ...]:
    """The names of all arrays, such as `train/X`; links, which can lead to other files, are not followed."""
    import h5py

    found: list[str] = []
    file.visititems(lambda name, thing: found.append(name) if isinstance(thing, h5py.Dataset) else None)
    return tuple(name for name in found if not name.startswith("#refs#"))  # where MATLAB keeps cells


def read(file: Any, name: str) -> NDArray[Any]:
    """Reads one array; text becomes `str`.

    Raises:
        ValueError: its values lie outside the file.
        MemoryError: it is larger than this host's memory.
    """
    import h5py

    dataset = file[name]
    check_within(dataset)
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return np.asarray(dataset.asstr()[...], np.str_)
    return np.asarray(dataset[...])


def check_within(dataset: Any) -> None:
    """Refuses an array whose values lie in other files, or cannot be held.

    HDF5 stores nothing of values that were never written, so that a small file can say that it is huge.

    Raises:
        ValueError, MemoryError: as `read`.
    """
    if dataset.external or dataset.is_virtual:
        raise ValueError("its values lie in another file; copy them into this one")
    size = math.prod(dataset.shape or (0,)) * dataset.dtype.itemsize
    if size > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        raise MemoryError(f"{size:,} bytes")
