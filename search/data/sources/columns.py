"""Reads named columns of one file: CSV, Parquet, or the arrays of an `.npz`."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from search.data.sources.npz import open_npz, take_array
from spaces.base import Label
from spaces.errors import RunError, one_line

SUFFIXES = (".csv", ".tsv", ".parquet", ".npz")
TRUTHS = {"true": True, "false": False}


def read_columns(path: Path, named: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """Reads columns of a file.

    What stands in a CSV file is text: `numbers`, `names` and `labels` say what it means.

    Args:
        path: a .csv, .tsv, .parquet or .npz file.
        named: setting -> the column it names; two settings may name the same one.

    Returns:
        The values `(n,)` by column; text columns have the type `str`.

    Raises:
        RunError: no such file or column, a missing value, or another kind of file.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RunError(f"scores are a file of {', '.join(SUFFIXES)}, but got {path}")
    if not path.is_file():
        raise RunError(f"scores are a file of {', '.join(SUFFIXES)}, but {path} is not there")
    if path.suffix.lower() == ".npz":
        with open_npz(path) as opened:
            return {name: take_array(opened, name, key, path) for key, name in named.items()}
    table = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    for key, name in named.items():
        _check_named(name, key, table.column_names, path)
    if not len(table):
        raise RunError(f"scores must hold at least one row, but {path.name} has none")
    return {name: _values(table[name], name, path) for name in named.values()}


def numbers(values: NDArray[Any], name: str, where: str) -> NDArray[np.float64]:
    """Returns a column as numbers, `(n,)` float64.

    Raises:
        RunError: a value is no number, or is not finite; the row is counted from 1, below any header.
    """
    if values.ndim != 1:
        raise RunError(f"{name} must hold one number per row, (n,), but has shape {values.shape} ({where})")
    if values.dtype.kind not in "biufU":
        raise RunError(f"{name} must hold numbers, but is {values.dtype} ({where})")
    try:
        found = values.astype(np.float64)
    except ValueError:
        k, text = next((k, text) for k, text in enumerate(values.tolist()) if not _is_number(text))
        hint = "; a decimal point is read, no comma" if _is_number(text.replace(",", ".")) else ""
        raise RunError(f"{name} must hold numbers, but row {k + 1} has {text!r}{hint} ({where})") from None
    bad = np.flatnonzero(~np.isfinite(found))
    if bad.size:
        raise RunError(
            f"{name} must hold finite numbers, but {bad.size} of {found.size} rows do not, the first is row "
            f"{bad[0] + 1}: {values[bad[0]]} ({where})"
        )
    return found


def labels(values: NDArray[Any]) -> NDArray[Any]:
    """Returns a column of labels; text that reads as numbers or as true and false throughout becomes that."""
    if values.dtype.kind != "U":
        return values
    distinct, codes = np.unique(values, return_inverse=True)
    found: list[Label] = distinct.tolist()
    if all(text.casefold() in TRUTHS for text in distinct.tolist()):
        found = [TRUTHS[text.casefold()] for text in distinct.tolist()]
    elif all(text.lstrip("-").isdecimal() and text.isascii() for text in distinct.tolist()):
        found = [int(text) for text in distinct.tolist()]
    elif all(map(_is_number, distinct.tolist())):
        found = [float(text) for text in distinct.tolist()]
    return np.asarray(found)[codes]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parquet(path: Path) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(pa.BufferReader(path.read_bytes())).read()
    except (pa.ArrowException, OSError) as error:
        raise RunError(f"{path} must be a readable Parquet file, but gave: {one_line(error, 200)}") from None


def _csv(path: Path) -> pa.Table:
    """All columns as text, so that nothing is guessed: 007 stays 007."""
    import duckdb

    try:
        with duckdb.connect() as connection:
            read = connection.read_csv(str(path), header=True, all_varchar=True)
            table: pa.Table = read.to_arrow_table()
            return table
    except duckdb.Error as error:
        raise RunError(f"{path} must be a readable CSV file, but gave: {one_line(error, 200)}") from None


def _check_named(name: str, key: str, columns: Sequence[str], path: Path) -> None:
    if columns.count(name) > 1:
        raise RunError(f"columns must have names of their own, but {name!r} stands twice in {path.name}")
    if name in columns:
        return
    by_fold = {column.strip().casefold(): column for column in columns}
    near = difflib.get_close_matches(name.casefold(), list(by_fold), n=1, cutoff=0.5)
    hint = f"; did you mean {by_fold[near[0]]!r}?" if near else ""
    raise RunError(
        f"{key} must name a column of {path.name}, but {name!r} is not among: {', '.join(columns)}{hint}"
    )


def _values(column: pa.ChunkedArray, name: str, path: Path) -> NDArray[Any]:
    if column.null_count:
        first = int(np.flatnonzero(column.is_null().to_numpy())[0]) + 1
        raise RunError(
            f"every row needs a value, but {name} has none in {column.null_count} of {len(column)} rows, the "
            f"first is row {first} ({path.name})"
        )
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        # Few distinct texts make many rows: numpy makes each once.
        coded = pc.dictionary_encode(column).combine_chunks()
        distinct = np.array(coded.dictionary.to_pylist(), dtype=np.str_)
        return np.asarray(distinct[coded.indices.to_numpy()])
    return np.asarray(column.to_numpy())
