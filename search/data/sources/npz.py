"""Reads rows from named arrays: those of one `.npz`, `.mat` or HDF5 file, or of a folder of `.npy` files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import PARTS, Kind, Rows, blocks, check_finite
from search.data.sources.array_files import open_arrays
from search.data.sources.labels import POSITIVE, encoded
from search.data.sources.seizures import with_seizures
from search.data.sources.times import check_times
from spaces.data import Npz, Scores
from spaces.errors import RunError, first_of, foreign_code

NAMED = 3
"""Names of several spellings that a note lists."""


def load_npz(config: Npz, base: Path, positive: str = POSITIVE) -> Rows:
    """Reads the arrays that `config` names; nothing is unpickled.

    Args:
        config: file or folder, array names and the positive label.
        base: the folder a relative `config.path` is taken from.
        positive: what names the positive label, see `binarize`.

    Returns:
        Rows with `x` as float32, or uint8 where saved so. Without groups, the recordings are the groups.

    Raises:
        RunError: the file or an array is missing, damaged, or disagrees with the others.
    """
    path = base / config.path
    with open_arrays(path) as opened:
        named = _named(config) | ({} if config.seizures is None else {"seizures": config.seizures})
        arrays = {name: opened.take(name, f"data.{key}") for key, name in named.items()}
    return rows_of(arrays, config, path.name, positive)


def rows_of(arrays: Mapping[str, NDArray[Any]], config: Npz, where: str, positive: str = POSITIVE) -> Rows:
    """Checks arrays against each other and makes rows of them.

    Args:
        arrays: by name.
        config: which array is what, and the positive label.
        where: what to call the place they come from in messages.
        positive: what names the positive label, see `binarize`.

    Raises:
        RunError: they disagree in length, or hold what rows cannot.
    """
    names = _named(config)
    named = {key: _array(arrays[name], name, where) for key, name in names.items()}
    x = named.pop("x")
    named["y"] = squeezed(named["y"])
    # Lists may mix types.
    listed = not isinstance(arrays[config.y], np.ndarray) and named["y"].ndim == 1
    y = arrays[config.y] if listed else named["y"]
    columns = {key: _column(array, names[key], where) for key, array in named.items() if key != "y"}
    _check_counts(x, config.x, {names["y"]: named["y"]} | {names[k]: a for k, a in columns.items()}, where)
    if x.ndim < 2:
        raise RunError(
            f"inputs must have at least two axes, (rows, ...), but {config.x} has shape {x.shape} ({where})"
        )
    coded, labels = encoded(y, config.task, config.positive, f"{where}: {config.y}", positive)
    groups, recordings, notes = groups_and_recordings(columns, config, where)
    inputs = _inputs(x, config.x, where)
    check_finite(inputs)
    rows = Rows(
        x=inputs,
        y=coded,
        labels=labels,
        groups=groups,
        recordings=recordings,
        times=_seconds(columns.get("time"), config.time, where),
        kind=_kind(inputs),
        window_s=config.window_s,
        parts=_parts(columns.get("split"), config.split, where),
        notes=notes,
    )
    check_times(rows, config.step_s, where)
    if config.seizures is None:
        return rows
    stated = _array(arrays[config.seizures], config.seizures, where)
    return with_seizures(rows, stated, config.seizures, where, exact_names=config.exact_names)


def check_unmasked(values: Any, of: str, where: str) -> None:
    """Refuses an array of NumPy's of which some values are masked: what lies below the mask is no data.

    Raises:
        RunError: how many are.
    """
    if isinstance(values, np.ma.MaskedArray) and (masked := int(np.count_nonzero(values.mask))):
        raise RunError(
            f"every value must be known, but {masked} of {values.size} {of}are masked; "
            f"fill or drop them ({where})"
        )


def _array(values: Any, name: str, where: str) -> NDArray[Any]:
    """An array of values with one entry a row."""
    check_unmasked(values, f"of {name} ", where)
    with foreign_code(f"{name} must be an array ({where}), but making one of it raised"):
        try:
            array = np.asarray(values)
        except ValueError as error:
            said = f"{name} must be an array, but its rows are of several shapes ({where})"
            raise RunError(said) from error
    if array.ndim == 0:
        came = type(values).__name__
        raise RunError(f"arrays must have one entry per row, but {name} is a single {came} ({where})")
    return array


def _named(config: Npz) -> dict[str, str]:
    """Which array is what: the settings that are given."""
    found = {
        "x": config.x,
        "y": config.y,
        "group": config.group,
        "recording": config.recording,
        "time": config.time,
        "split": config.split,
    }
    return {key: name for key, name in found.items() if name is not None}


def squeezed(array: NDArray[Any]) -> NDArray[Any]:
    """A row or a column, such as every vector of MATLAB is, as `(n,)`."""
    return array.reshape(-1) if array.ndim == 2 and 1 in array.shape else array


def _column(array: NDArray[Any], name: str, where: str) -> NDArray[Any]:
    found = squeezed(array)
    if found.ndim != 1:
        raise RunError(f"{name} must hold one value per row, (n,), but has shape {array.shape} ({where})")
    return found


def _check_counts(x: NDArray[Any], x_name: str, others: Mapping[str, NDArray[Any]], where: str) -> None:
    counts = {x_name: len(x)} | {name: len(array) for name, array in others.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        axes = [axis for axis, size in enumerate(x.shape) if {size} == {*map(len, others.values())}]
        hint = (
            f"; rows are the first axis of {x_name}, which has shape {x.shape}: move axis {axes[0] + 1} there"
            if axes
            else ""
        )
        raise RunError(f"all arrays must have the same number of rows, but {listed}{hint} ({where})")
    if 0 in counts.values():
        raise RunError(f"data must hold at least one row, but the arrays of {where} are empty")


def _inputs(x: NDArray[Any], name: str, where: str) -> NDArray[Any]:
    if x.dtype == np.uint8:
        return np.ascontiguousarray(x)
    if x.dtype.kind not in "biuf":
        raise RunError(f"inputs must be numbers, but {name} is {x.dtype} ({where})")
    if x.dtype == np.float32:
        return np.ascontiguousarray(x)
    inputs = np.empty(x.shape, np.float32)
    beyond = np.zeros(len(x), np.bool_)
    for part in blocks(x):  # which reads a mapped array once
        given = x[part]
        with np.errstate(over="ignore"):
            inputs[part] = given
        if x.dtype.kind == "f" and x.dtype.itemsize > 4:
            beyond[part] = (np.isinf(inputs[part]) & np.isfinite(given)).reshape(len(given), -1).any(axis=1)
    if beyond.any():
        raise RunError(
            f"inputs must lie within the range of float32 (3.4e38 either way), but "
            f"{int(beyond.sum())} of {len(x)} rows of {name} hold larger numbers, "
            f"the first is row {int(beyond.argmax())}; "
            f"rescale them ({where})"
        )
    return inputs


def groups_and_recordings(
    columns: Mapping[str, NDArray[Any]], config: Npz | Scores, where: str
) -> tuple[NDArray[np.str_] | None, NDArray[np.str_] | None, tuple[str, ...]]:
    """Returns the group and the recording of each row, `(n,)`, and notes on what was mended in them.

    Without groups, the recordings are the groups. Names in several spellings are one unless
    `config.exact_names` says otherwise.

    Args:
        columns: `group` and `recording`, where they are known.
        config: what they are called.
        where: what to call the place they come from in messages.

    Raises:
        RunError: a row has no name, or a column holds neither text nor numbers.
    """
    recordings = _names(columns.get("recording"), config.recording, where)
    groups = _names(columns.get("group"), config.group, where)
    notes: tuple[str, ...] = ()
    if not config.exact_names:
        recordings, said = _one_spelling(recordings, f"{where}: {config.recording}")
        groups, more = _one_spelling(groups, f"{where}: {config.group}")
        notes = said + more
    return recordings if groups is None else groups, recordings, notes


def _names(array: NDArray[Any] | None, name: str | None, where: str) -> NDArray[np.str_] | None:
    """Groups or recordings as text; whole numbers saved as floats lose their `.0`."""
    if array is None:
        return None
    if array.dtype.kind not in "biufU":
        raise RunError(f"{name} must hold text or numbers, but is {array.dtype} ({where})")
    if array.dtype.kind == "f":
        missing = int(np.count_nonzero(~np.isfinite(array)))
        whole = not missing and bool((array == np.round(array)).all())
        array = array.astype(np.int64) if whole else array
    else:
        missing = int(np.count_nonzero(array == "")) if array.dtype.kind == "U" else 0
    if missing:
        raise RunError(f"{name} must name every row, but {missing} of {len(array)} are missing ({where})")
    return array.astype(np.str_)


def _one_spelling(
    names: NDArray[np.str_] | None, where: str
) -> tuple[NDArray[np.str_] | None, tuple[str, ...]]:
    """Names in one spelling each, where some differ in blanks or capitals alone, and a note on those."""
    if names is None:
        return None, ()
    distinct, codes = np.unique(names, return_inverse=True)
    spellings: dict[str, list[str]] = {}
    for name in distinct.tolist():
        spellings.setdefault("".join(name.split()).casefold(), []).append(name)
    several = [found for found in spellings.values() if len(found) > 1]
    if not several:
        return names, ()
    listed = first_of((" and ".join(map(repr, found)) for found in several), NAMED, "; ")
    note = (
        f"{where}: {listed} differ in blanks or capitals alone and are taken as one, since parts would share "
        "a patient; write data.exact_names: true where they are different"
    )
    first = {name: found[0] for found in spellings.values() for name in found}
    return np.array([first[name] for name in distinct.tolist()])[codes], (note,)


def _seconds(array: NDArray[Any] | None, name: str | None, where: str) -> NDArray[np.float64] | None:
    if array is None:
        return None
    if array.dtype.kind not in "iuf":
        raise RunError(f"{name} must hold seconds as numbers, but is {array.dtype} ({where})")
    return array.astype(np.float64)


def _parts(array: NDArray[Any] | None, name: str | None, where: str) -> NDArray[np.str_] | None:
    if array is None:
        return None
    others = sorted(set(np.unique(array).tolist()) - set(PARTS), key=str)
    if others:
        raise RunError(
            f"{name} must hold {', '.join(PARTS)}, but holds {', '.join(map(repr, others[:3]))} ({where})"
        )
    return array.astype(np.str_)


def _kind(x: NDArray[Any]) -> Kind:
    """EEG by the shape of its spectrogram `(32, 9, channels)`, images by type and axes, else a table."""
    if x.ndim == 4 and x.shape[1:3] == (32, 9):
        return "eeg"
    if x.ndim == 4 and x.shape[3] in (1, 3, 4) and x.dtype == np.uint8:
        return "image"
    return "table"
