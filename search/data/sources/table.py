"""Reads rows from the columns of one CSV or Parquet file."""

import re
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from search.data.rows import Rows
from search.data.sources.npz import rows_of
from spaces.data import Npz, Table
from spaces.errors import RunError, first_of

SHOWN = 8
"""Names that a message lists before it says `and N more`."""


def load_table(config: Table, base: Path) -> Rows:
    """Reads the columns that `config` names.

    Args:
        config: the file, its columns and the positive label values.
        base: the folder a relative `config.path` is taken from.

    Returns:
        Rows with `x` `(n, features)`, or `(n, *config.shape)`, as float32.

    Raises:
        RunError: the file or a column is missing, or holds what rows cannot.
    """
    path = base / config.path
    if not path.is_file():
        raise RunError(f"data.path must name a CSV or Parquet file, but {path} is not there")
    roles = {
        key: name
        for key, name in (
            ("label", config.label),
            ("group", config.group),
            ("recording", config.recording),
            ("time", config.time),
            ("split", config.split),
        )
        if name is not None
    }
    names = _column_names(path)
    features = _features(config, roles, names, path.name)
    for key, name in roles.items():
        if name not in names:
            raise RunError(
                f'data.{key} must name a column of {path.name}, but "{name}" is not among: {_listed(names)}'
            )
    table = _read(path, names, features, list(dict.fromkeys(roles.values())))
    arrays: dict[str, Any] = {f"data.{key}": _values(table[name]) for key, name in roles.items()}
    x = _numbers(table, features, path.name)
    arrays["data.features"] = x if config.shape is None else x.reshape(len(x), *config.shape)
    positive = config.positive
    if isinstance(positive, tuple):
        arrays["data.label"], positive = _against_the_rest(arrays["data.label"], positive, config.label)
    else:
        _check_two_classes(arrays["data.label"], config.label, path.name)
    if config.group is not None and config.group_pattern is not None:
        arrays["data.group"] = _matched(arrays["data.group"], config.group_pattern, path.name)
    as_npz = Npz(
        source="npz",
        path=config.path,
        x="data.features",
        y="data.label",
        positive=positive,
        window_s=config.window_s,
        step_s=config.step_s,
        exact_names=config.exact_names,
        **{key: f"data.{key}" for key in roles if key != "label"},
    )
    return rows_of(arrays, as_npz, path.name)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def _delimiter(path: Path) -> str:
    """The one of comma, semicolon and tab that the first line holds most often."""
    with pa.input_stream(str(path)) as stream:
        line = stream.read(2**16).decode(errors="replace").partition("\n")[0]
    return max(",;\t", key=line.count)


def _column_names(path: Path) -> list[str]:
    try:
        if _is_parquet(path):
            names: list[str] = pq.read_schema(path).names
        else:
            parsing = pa.csv.ParseOptions(delimiter=_delimiter(path))
            with pa.csv.open_csv(path, parse_options=parsing) as reader:
                names = reader.schema.names
    except (pa.ArrowException, OSError) as error:
        raise RunError(
            f"data.path must name a readable CSV or Parquet file, but {path} gave: {_line(error)}"
        ) from None
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise RunError(f"columns must have different names, but {_listed(twice)} stand twice ({path.name})")
    return names


def _features(config: Table, roles: dict[str, str], names: list[str], where: str) -> list[str]:
    """The columns of the inputs, in the order of the settings, and of the file within a pattern."""
    found: list[str] = []
    for asked in config.features:
        matched = [asked] if asked in names else [name for name in names if fnmatchcase(name, asked)]
        if not matched:
            raise RunError(
                f"data.features must name columns of {where}, or patterns such as X*, but {asked!r} matches "
                f"none of: {_listed(names)}"
            )
        found += matched
    twice = [name for name, count in Counter(found).items() if count > 1]
    if twice:
        raise RunError(f"data.features must name each column once, but {_listed(twice)} came twice ({where})")
    for key, name in roles.items():
        if name in found:
            raise RunError(
                f"inputs must not hold the {key}, but data.features takes in data.{key}, {name!r}; "
                f"name the other columns ({where})"
            )
    if config.shape is not None and config.shape[0] * config.shape[1] != len(found):
        steps, channels = config.shape
        raise RunError(
            f"data.shape must have as many places as there are features, but {steps} x {channels} is "
            f"{steps * channels} and {len(found)} columns were found ({where})"
        )
    return found


def _read(path: Path, names: list[str], features: list[str], others: list[str]) -> pa.Table:
    columns = [*features, *others]
    try:
        if _is_parquet(path):
            return pq.ParquetFile(path).read(columns=columns)
        # In one block: types are then those of all rows, not of the first ones.
        return pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(block_size=2**31 - 1),
            parse_options=pa.csv.ParseOptions(delimiter=_delimiter(path)),
            convert_options=pa.csv.ConvertOptions(
                include_columns=columns, column_types=dict.fromkeys(features, pa.float64())
            ),
        )
    except (pa.ArrowException, OSError) as error:
        found = re.match(r"In CSV column #(\d+): CSV conversion error to double: (.*)", _line(error))
        if found is not None:
            column = names[int(found[1])]
            raise RunError(f"features must be numbers, but {column} has {found[2]} ({path.name})") from None
        raise RunError(f"data.path must name a readable file, but {path} gave: {_line(error)}") from None


def _values(column: pa.ChunkedArray) -> NDArray[Any] | list[Any]:
    """A column as an array; text and labels with missing values as a list."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return list(column.to_pylist()) if column.null_count else np.asarray(column.to_numpy())
    if pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return np.array(column.fill_null("").to_pylist(), np.str_)
    return list(column.to_pylist())


def _numbers(table: pa.Table, features: list[str], where: str) -> NDArray[np.float32]:
    x = np.empty((len(table), len(features)), np.float32)
    for place, name in enumerate(features):
        column = table[name]
        kind = column.type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise RunError(f"features must be numbers, but {name} is {kind} ({where})")
        if column.null_count:
            first = column.is_null().index(True).as_py()
            raise RunError(
                f"features must have a value in every row, but {name} lacks {column.null_count} of "
                f"{len(table)}, the first in row {first}; fill or drop them ({where})"
            )
        with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused with its row
            x[:, place] = column.to_numpy()
    return x


def _classes(values: Any) -> list[Any]:
    known = (value for value in np.asarray(values).tolist() if value == value)  # NaN equals nothing
    return sorted({value for value in known if value not in (None, "")}, key=str)


def _check_two_classes(values: Any, label: str, where: str) -> None:
    classes = _classes(values)
    if len(classes) > 2:
        raise RunError(
            f"data.positive must list the positive values of a label of more than two, but {label!r} has "
            f"{len(classes)}: {_listed(classes)}; e.g. positive: [{classes[0]!r}] against the rest ({where})"
        )


def _against_the_rest(
    values: Any, positive: tuple[Any, ...], label: str
) -> tuple[NDArray[np.str_] | list[Any], str]:
    """Labels as text, with the positive values as one class and all others as the other."""
    classes = _classes(values)
    unknown = [value for value in positive if value not in classes]
    if unknown:
        raise RunError(
            f"data.positive must list values of {label!r}, but {_listed(unknown)} is not among: "
            f"{_listed(classes)}"
        )
    name = " or ".join(map(str, positive))
    known = np.asarray(values).tolist()
    # What is missing stays missing, so that it is refused.
    missing = [value is None or value == "" or value != value for value in known]
    if any(missing):
        raise RunError(f"every row needs a label, but {sum(missing)} of {len(known)} have none in {label!r}")
    return np.array([name if value in positive else f"not {name}" for value in known], np.str_), name


def _matched(values: Any, pattern: str, where: str) -> NDArray[np.str_]:
    """The part of each group's name that the pattern's bracket holds."""
    texts = list(map(str, values))
    found = [re.search(pattern, text) for text in texts]
    without = [text for text, match in zip(texts, found, strict=True) if match is None]
    if without:
        raise RunError(
            f"data.group_pattern must match every group, but {pattern!r} does not match {without[0]!r} and "
            f"{len(without) - 1} more ({where})"
        )
    return np.array([match[1] for match in found if match is not None], np.str_)


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _listed(names: Iterable[Any]) -> str:
    return first_of(map(repr, names), SHOWN)
