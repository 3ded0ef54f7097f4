"""Rows from the arrays of one `.npz` file."""

import difflib
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from search.rows import Kind, Rows
from search.sources.labels import binarize
from spaces.data import Npz
from spaces.errors import RunError


def load_npz(config: Npz, base: Path) -> Rows:
    """Reads the arrays that `config` names; nothing is unpickled.

    Args:
        config: file, array names and the positive label.
        base: the folder a relative `config.path` is taken from.

    Returns:
        Rows with `x` as float32, or uint8 where saved so. Without groups, the recordings are the groups.

    Raises:
        RunError: the file or an array is missing, damaged, or disagrees with the others.
    """
    path = base / config.path
    with open_npz(path) as arrays:
        x = take_array(arrays, config.x, "x", path)
        y = take_array(arrays, config.y, "y", path)
        optional = {
            key: None if name is None else _column(take_array(arrays, name, key, path), name, path)
            for key, name in (("group", config.group), ("recording", config.recording), ("time", config.time))
        }
    named = {config.x: x, config.y: y, **_present(config, optional)}
    _check_counts(named, path)
    if x.ndim < 2:
        raise RunError(
            f"inputs must have at least two axes, (rows, ...), "
            f"but {config.x} has shape {x.shape} ({path.name})"
        )
    encoded, labels = binarize(y, config.positive, f"{path.name}: {config.y}")
    recordings = _names(optional["recording"], config.recording, path)
    groups = _names(optional["group"], config.group, path)
    inputs = _inputs(x, config.x, path)
    return Rows(
        x=inputs,
        y=encoded,
        labels=labels,
        groups=recordings if groups is None else groups,
        recordings=recordings,
        times=_seconds(optional["time"], config.time, path),
        kind=_kind(inputs),
        window_s=config.window_s,
    )


def open_npz(path: Path) -> NpzFile:
    """Opens a `.npz` file, in which no array of objects will be loaded.

    Raises:
        RunError: it is not there, or not one.
    """
    if not path.is_file():
        raise RunError(f"data.path must name an .npz file, but {path} is not there")
    if not zipfile.is_zipfile(path):
        raise RunError(f"data.path must name an .npz file written by numpy.savez, but {path} is not one")
    try:
        arrays = np.load(path, allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise RunError(f"data.path must name a readable .npz file, but {path} gave: {error}") from error
    opened: NpzFile = arrays
    return opened


def take_array(arrays: NpzFile, name: str, key: str, path: Path) -> NDArray[Any]:
    """Reads one array; `key` is the setting that names it.

    Raises:
        RunError: it is not there, damaged, or made of objects.
    """
    if name not in arrays.files:
        near = difflib.get_close_matches(
            name.casefold(), [n.casefold() for n in arrays.files], n=1, cutoff=0.5
        )
        close = [n for n in arrays.files if near and n.casefold() == near[0]]
        hint = f'; did you mean {key}: "{close[0]}"?' if close else ""
        held = ", ".join(arrays.files) or "none"
        raise RunError(
            f'data.{key} must name an array of {path.name}, but "{name}" is not among: {held}{hint}'
        )
    try:
        array: NDArray[Any] = arrays[name]
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if "Object arrays" in str(error):
            raise RunError(
                f"arrays of Python objects are not loaded, since they can run code, but {name} is one; "
                f"save it as numbers or text, e.g. {name}.astype(str) ({path.name})"
            ) from error
        raise RunError(f"arrays must be readable, but {name} gave: {error} ({path.name})") from error
    if not isinstance(array, np.ndarray):
        raise RunError(f"{name} must be a numpy array, but it is another kind of file ({path.name})")
    if array.ndim == 0:
        raise RunError(f"arrays must have one entry per row, but {name} is a single value ({path.name})")
    return array


def _column(array: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    if array.ndim == 2 and array.shape[1] == 1:
        return array[:, 0]
    if array.ndim != 1:
        raise RunError(f"{name} must hold one value per row, (n,), but has shape {array.shape} ({path.name})")
    return array


def _present(config: Npz, optional: dict[str, NDArray[Any] | None]) -> dict[str, NDArray[Any]]:
    names = {"group": config.group, "recording": config.recording, "time": config.time}
    return {str(names[key]): array for key, array in optional.items() if array is not None}


def _check_counts(named: dict[str, NDArray[Any]], path: Path) -> None:
    counts = {name: len(array) for name, array in named.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise RunError(f"all arrays must have the same number of rows, but {listed} ({path.name})")
    if 0 in counts.values():
        raise RunError(f"data must hold at least one row, but the arrays of {path.name} are empty")


def _inputs(x: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    if x.dtype.kind not in "biuf":
        raise RunError(f"inputs must be numbers, but {name} is {x.dtype} ({path.name})")
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused with its row
        return np.ascontiguousarray(x, dtype=np.float32)


def _names(array: NDArray[Any] | None, name: str | None, path: Path) -> NDArray[np.str_] | None:
    """Groups or recordings as text; whole numbers saved as floats lose their `.0`."""
    if array is None:
        return None
    if array.dtype.kind not in "biufU":
        raise RunError(f"{name} must hold text or numbers, but is {array.dtype} ({path.name})")
    if array.dtype.kind == "f":
        missing = int(np.count_nonzero(~np.isfinite(array)))
        whole = not missing and bool((array == np.round(array)).all())
        array = array.astype(np.int64) if whole else array
    else:
        missing = int(np.count_nonzero(array == "")) if array.dtype.kind == "U" else 0
    if missing:
        raise RunError(f"{name} must name every row, but {missing} of {len(array)} are missing ({path.name})")
    return array.astype(np.str_)


def _seconds(array: NDArray[Any] | None, name: str | None, path: Path) -> NDArray[np.float64] | None:
    if array is None:
        return None
    if array.dtype.kind not in "iuf":
        raise RunError(f"{name} must hold seconds as numbers, but is {array.dtype} ({path.name})")
    return array.astype(np.float64)


def _kind(x: NDArray[Any]) -> Kind:
    """EEG by the shape of its spectrogram `(32, 9, channels)`, images by type and axes, else a table."""
    if x.ndim == 4 and x.shape[1:3] == (32, 9):
        return "eeg"
    if x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.dtype == np.uint8:
        return "image"
    return "table"
