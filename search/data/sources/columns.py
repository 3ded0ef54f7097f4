"""Reads named columns of one table: CSV, Parquet or Arrow."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from spaces.base import Label
from spaces.errors import RunError, first_of, one_line

A_TABLE = "a table is a CSV file in UTF-8, a Parquet or an Arrow file"
SHOWN = 8
"""Names that a message lists before it says `and N more`."""
HEAD_BYTES = 2**16
"""From so much of a CSV file its delimiter is told."""
BLOCK_BYTES = 2**24
"""CSV is parsed in blocks of this size; a line must fit into one."""
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class TableFile:
    """A table whose header was read.

    Args:
        path: the file.
        form: how it is stored. What stands in a CSV file is text; the others have types.
        names: its columns, in the order of the file.
        delimiter: of CSV.
    """

    path: Path
    form: Literal["csv", "parquet", "arrow"]
    names: tuple[str, ...]
    delimiter: str = ","


def open_table(path: Path) -> TableFile:
    """Reads the header of a table, whose form is told by its first bytes.

    Raises:
        RunError: it is not there, or no table.
    """
    if not path.is_file():
        raise RunError(f"{A_TABLE}, but {path} is {'a folder' if path.is_dir() else 'not there'}")
    with _reading(path):
        with path.open("rb") as opened:
            magic = opened.read(6)
        if magic.startswith(b"PAR1"):
            return TableFile(path, "parquet", tuple(pq.read_schema(path).names))
        if magic == b"ARROW1":
            with pa.OSFile(str(path)) as file:
                return TableFile(path, "arrow", tuple(pa.ipc.open_file(file).schema.names))
        with pa.input_stream(str(path)) as stream:  # which decompresses what is called .gz
            head = stream.read(HEAD_BYTES).decode("utf-8-sig", errors="replace")
    if not head.strip():
        raise RunError(f"{A_TABLE}, but {path.name} is empty")
    if "\0" in head:
        raise RunError(
            f"{A_TABLE}, but {path.name} holds bytes that are not text; save it as CSV by what shows it"
        )
    line = re.sub(r'"[^"]*"', "", head).lstrip().splitlines()[:1]  # what stands in quotes separates nothing
    delimiter = max(",;\t|", key="".join(line).count)
    reading = pa.csv.ReadOptions(block_size=BLOCK_BYTES)
    with (
        _reading(path),
        pa.csv.open_csv(str(path), read_options=reading, parse_options=_parsing(delimiter)) as opened,
    ):
        return TableFile(path, "csv", tuple(opened.schema.names), delimiter)


def check_named(key: str, name: str, names: Sequence[str], where: str, what: str = "a column") -> None:
    """Refuses a name of a column or an array that is not among those of a file, or is twice.

    Args:
        key: the setting or option that names it.
        name: what is looked for.
        names: what is there.
        where: the file.
        what: the kind of thing that has the name.

    Raises:
        RunError: naming what is there, and what may have been meant.
    """
    if names.count(name) > 1:
        raise RunError(f"columns must have names of their own, but {name!r} stands twice in {where}")
    if name in names:
        return
    by_fold = {other.strip().casefold(): other for other in names}
    near = difflib.get_close_matches(name.strip().casefold(), list(by_fold), n=1, cutoff=0.5)
    hint = f"; did you mean {by_fold[near[0]]!r}?" if near else ""
    raise RunError(f"{key} must name {what} of {where}, but {name!r} is not among: {listed(names)}{hint}")


def read_columns(file: TableFile, numeric: Iterable[str], others: Iterable[str]) -> pa.Table:
    """Reads columns that are there; other columns are not looked at.

    Args:
        file: an opened table.
        numeric: columns that should hold numbers: of a CSV file they are parsed as such, where that goes.
        others: further columns; of a CSV file they are text, so that nothing is guessed: 007 stays 007.

    Raises:
        RunError: the file is damaged, or has no row.
    """
    columns = list(dict.fromkeys([*numeric, *others]))
    parsed = set(columns) - set(others)
    with _reading(file.path):
        match file.form:
            case "parquet":
                with pq.ParquetFile(file.path) as parquet:
                    found = parquet.read(columns=columns).select(columns)
            case "arrow":
                with pa.OSFile(str(file.path)) as opened:
                    found = pa.ipc.open_file(opened).read_all().select(columns)
                found.validate(full=True)
            case "csv":
                try:
                    found = _csv(file, columns, parsed)
                except pa.ArrowInvalid as error:
                    if "conversion error to double" not in str(error):
                        raise
                    found = _csv(file, columns, set())  # as text, in which `numbers` finds the row
    if not len(found):
        raise RunError(f"a table must hold at least one row, but {file.path.name} has none")
    return found


def values(table: pa.Table, name: str, where: str) -> NDArray[Any]:
    """Returns a column, `(n,)`; text has the type `str`.

    Raises:
        RunError: a row has no value; rows are counted from 1, below any header.
    """
    column = table[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        raise RunError(f"{name} must hold one value per row, but is {column.type} ({where})")
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if text:
        # Few distinct texts make many rows: numpy makes each once.
        coded = pc.dictionary_encode(column).combine_chunks()
        distinct = np.array(coded.dictionary.to_pylist(), dtype=np.str_)
        column = coded.indices
        if "" in distinct:
            empty = int(np.flatnonzero(distinct == "")[0])
            column = pc.if_else(pc.equal(column, empty), None, column)
    if column.null_count:
        first = column.is_null().to_numpy(zero_copy_only=False).argmax() + 1
        raise RunError(
            f"every row needs a value, but {name} has none in {column.null_count} of {len(column)} rows, the "
            f"first is row {first}; fill or drop them ({where})"
        )
    return np.asarray(distinct[column.to_numpy()] if text else column.to_numpy())


def numbers(found: NDArray[Any], name: str, where: str) -> NDArray[np.float64]:
    """Returns a column as numbers, `(n,)` float64.

    Raises:
        RunError: a value is no number, or is not finite; the row is counted from 1, below any header.
    """
    if found.ndim != 1:
        raise RunError(f"{name} must hold one number per row, (n,), but has shape {found.shape} ({where})")
    if found.dtype.kind not in "biufU":
        raise RunError(f"{name} must hold numbers, but is {found.dtype} ({where})")
    if found.dtype.kind == "U":
        row, text = next(((k, t) for k, t in enumerate(found.tolist(), 1) if not _is_number(t)), (0, ""))
        if row:
            hint = "; a decimal point is read, no comma" if _is_number(text.replace(",", ".")) else ""
            raise RunError(f"{name} must hold numbers, but row {row} has {text!r}{hint} ({where})")
    as_numbers = found.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(as_numbers))
    if bad.size:
        raise RunError(
            f"{name} must hold finite numbers, but {bad.size} of {found.size} rows do not, the first is row "
            f"{bad[0] + 1}: {found[bad[0]]} ({where})"
        )
    return as_numbers


def labels(found: NDArray[Any]) -> NDArray[Any]:
    """Returns a column of labels; text that reads as numbers or as true and false throughout becomes that."""
    if found.dtype.kind != "U":
        return found
    distinct, codes = np.unique(found, return_inverse=True)
    texts = [text.strip() for text in distinct.tolist()]
    read: list[Label] = distinct.tolist()
    if all(text.casefold() in TRUTHS for text in texts):
        read = [TRUTHS[text.casefold()] for text in texts]
    elif all(text.lstrip("-").isdecimal() and text.isascii() for text in texts):
        read = [int(text) for text in texts]
    elif all(map(_is_number, texts)):
        read = [float(text) for text in texts]
    return np.asarray(read)[codes]


def without_zeros(found: NDArray[Any]) -> NDArray[Any]:
    """Returns a column of names; whole numbers written as 7.0 throughout become 7."""
    distinct, codes = np.unique(found, return_inverse=True)
    if not all(re.fullmatch(r"-?[0-9]+\.0", text) for text in distinct.tolist()):
        return found
    return np.array([text.removesuffix(".0") for text in distinct.tolist()])[codes]


def listed(names: Iterable[object]) -> str:
    """Names for a message, each in quotes."""
    return first_of(map(repr, names), SHOWN) or "none"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # which Python takes for a mark between digits


def _parsing(delimiter: str) -> pa.csv.ParseOptions:
    return pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)


def _csv(file: TableFile, columns: list[str], parsed: set[str]) -> pa.Table:
    return pa.csv.read_csv(
        str(file.path),
        read_options=pa.csv.ReadOptions(block_size=BLOCK_BYTES),
        parse_options=_parsing(file.delimiter),
        convert_options=pa.csv.ConvertOptions(
            include_columns=columns,
            column_types={name: pa.float64() if name in parsed else pa.string() for name in columns},
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tells what pyarrow says of a file in one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = one_line(error, 200)
        hint = "; save it as UTF-8" if "utf8" in reason.casefold().replace("-", "") else ""
        raise RunError(f"tables must be readable, but {path.name} gave: {reason}{hint}") from None
