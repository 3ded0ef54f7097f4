"""Reads arrays of MATLAB's `.mat` files, with their axes and types as MATLAB shows them.

Files of versions 4 to 7 are read by scipy, those of 7.3 are HDF5. The latter hold every array with its axes
reversed, text as numbers, and cells as references; both may hold whole numbers in types of fewer bytes.
"""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.sources import hdf5

HEADER_BYTES = 512
"""In files of version 7.3, HDF5 begins after so much."""


def names(path: Path) -> tuple[str, ...]:
    """The names of the variables of a file of version 7 or earlier."""
    import scipy.io

    return tuple(name for name, _, _ in scipy.io.whosmat(str(path), appendmat=False))


def read(path: Path, name: str) -> Any:
    """Reads one variable of a file of version 7 or earlier; text and cells of text become `str`.

    Raises:
        ValueError: it is damaged, sparse, or a struct.
    """
    import scipy.io
    import scipy.sparse

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scipy gives a text in place of a variable that it cannot read
        # Without mat_dtype, doubles that MATLAB stored in one byte each would come as uint8, like pixels.
        read = scipy.io.loadmat(str(path), variable_names=[name], mat_dtype=True, appendmat=False)
    found = read[name]
    if scipy.sparse.issparse(found):
        raise ValueError(f"it is sparse; save full({name})")
    if getattr(found, "dtype", None) is not None and found.dtype.names:
        raise ValueError(f"it is a struct or an object; save its fields, with save -struct {name}")
    if isinstance(found, np.ndarray) and found.dtype.kind == "O":
        return _cells([_text(cell) for cell in found.ravel()], found.shape)
    if isinstance(found, np.ndarray) and found.dtype.kind == "U":
        return np.char.rstrip(found)  # rows of text are filled up with blanks
    return found


def read_hdf5(file: Any, name: str) -> NDArray[Any]:
    """Reads one variable of a file of version 7.3.

    Raises:
        ValueError: it holds cells that are not text.
        MemoryError: it is larger than this host's memory.
    """
    dataset = file[name]
    hdf5.check_within(dataset)
    if dataset.attrs.get("MATLAB_empty", 0):
        return np.empty((0, 0))
    found = np.asarray(dataset[...]).T
    match _class(dataset):
        case "char":
            return np.array([_decoded(row) for row in found], np.str_)
        case "cell":
            return _cells([_cell(file[reference]) for reference in found.ravel()], found.shape)
        case "logical":
            return found.astype(np.bool_)
    return found


def _class(dataset: Any) -> str:
    said = dataset.attrs.get("MATLAB_class", b"")
    return said.decode() if isinstance(said, bytes) else str(said)


def _decoded(codes: NDArray[Any]) -> str:
    return codes.astype("<u2").tobytes().decode("utf-16-le").rstrip()


def _cell(cell: Any) -> str | None:
    """The text of a cell of version 7.3; None of one that holds something else."""
    if cell.attrs.get("MATLAB_empty", 0):
        return ""
    if _class(cell) != "char":
        return None
    hdf5.check_within(cell)
    codes = np.asarray(cell[...]).T
    return _decoded(codes[0]) if len(codes) == 1 else None


def _text(cell: Any) -> str | None:
    """The text of a cell of version 7 or earlier; None of one that holds something else."""
    if isinstance(cell, np.ndarray) and cell.size == 0:
        return ""
    if isinstance(cell, np.ndarray) and cell.dtype.kind == "U" and cell.size == 1:
        return str(cell.ravel()[0])
    return None


def _cells(texts: list[str | None], shape: tuple[int, ...]) -> NDArray[np.str_]:
    if None in texts:
        raise ValueError("its cells must each hold a text, but some hold something else")
    return np.array(texts, np.str_).reshape(shape)
