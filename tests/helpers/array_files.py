"""Files of arrays in every form, as numpy, MATLAB and h5py write them."""

import struct
from pathlib import Path

import h5py
import numpy as np
import scipy.io

FORMS = ("npz", "npy", "mat", "mat73", "h5")


def write_arrays(folder: Path, form: str, arrays: dict) -> Path:
    """Writes arrays; returns the path that a study names."""
    path = folder / f"{form}.{'mat' if form == 'mat73' else form}"
    match form:
        case "npz":
            np.savez(path, **arrays)
        case "npy":
            path = folder / "arrays"
            path.mkdir()
            for name, array in arrays.items():
                np.save(path / name, array)
        case "mat":  # vectors become (1, n), text a matrix of characters
            scipy.io.savemat(path, arrays, do_compression=True)
        case "mat73":
            write_mat73(path, arrays)
        case "h5":
            with h5py.File(path, "w") as file:
                for name, array in arrays.items():
                    array = np.asarray(array)
                    text = array.dtype.kind == "U"
                    file.create_dataset(name, data=array.tolist() if text else array)
    return path


def write_mat73(path: Path, arrays: dict) -> None:
    """Writes what MATLAB's `save -v7.3` writes: axes reversed, text as cells of code units."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, given in arrays.items():
            array = np.atleast_2d(given)  # a vector is a row
            if array.dtype.kind == "U":
                cells = np.empty(array.shape, dtype=h5py.ref_dtype)
                for place, text in np.ndenumerate(array):
                    cell = file.require_group("#refs#").create_dataset(
                        f"{name}{place}", data=np.array([list(map(ord, text))], np.uint16).T
                    )
                    cell.attrs["MATLAB_class"] = np.bytes_("char")
                    cells[place] = cell.ref
                file.create_dataset(name, data=cells.T).attrs["MATLAB_class"] = np.bytes_("cell")
                continue
            kind = {"b": "logical", "u": "uint8"}.get(array.dtype.kind, "double")
            stored = array.astype(np.uint8) if kind == "logical" else array
            file.create_dataset(name, data=stored.T).attrs["MATLAB_class"] = np.bytes_(kind)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + struct.pack("<H2s", 0x200, b"IM"))


def write_doubles_as_bytes(path: Path, name: str, array: np.ndarray) -> None:
    """Writes a matrix as MATLAB does whose doubles are whole numbers below 256: one byte each."""

    def element(kind: int, content: bytes) -> bytes:
        return struct.pack("<II", kind, len(content)) + content + b"\0" * (-len(content) % 8)

    parts = (
        element(6, struct.pack("<II", 6, 0)),  # of class double
        element(5, struct.pack(f"<{array.ndim}i", *array.shape)),
        element(1, name.encode()),
        element(2, array.astype(np.uint8).tobytes(order="F")),
    )
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s", 0x100, b"IM")
    path.write_bytes(head + element(14, b"".join(parts)))
