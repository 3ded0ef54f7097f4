"""Reads rows from the columns of one table."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from search.data.rows import Rows
from search.data.sources.columns import (
    TableFile,
    check_named,
    labels,
    listed,
    numbers,
    open_table,
    read_columns,
    values,
    without_zeros,
)
from search.data.sources.labels import POSITIVE
from search.data.sources.npz import rows_of
from search.data.sources.seizures import read_seizures
from search.data.task_labels import LabelNames
from spaces.base import Label
from spaces.data import Npz, Table
from spaces.errors import RunError


def load_table(config: Table, base: Path, positive: str = POSITIVE) -> Rows:
    """Reads the columns that `config` names.

    Args:
        config: the file, its columns and the positive label values.
        base: the folder a relative `config.path` is taken from.
        positive: what names the positive label, see `binarize`.

    Returns:
        Rows with `x` `(n, features)`, or `(n, *config.shape)`, as float32.

    Raises:
        RunError: the file or a column is missing, or holds what rows cannot.
    """
    file = open_table(base / config.path)
    roles, columns = roles_of(config), label_columns(config)
    features = feature_names(config, file)
    where = file.path.name
    for key, name in roles.items():
        check_named(f"data.{key}", name, file.names, where)
        if name in features:
            raise RunError(
                f"inputs must not hold the {key}, but data.features takes in data.{key}, {name!r}; "
                f"name the other columns ({where})"
            )
    numeric = [name for key, name in roles.items() if key == "time"]
    table = read_columns(file, [*features, *numeric], [n for k, n in roles.items() if k != "time"])
    arrays = {f"data.{key}": values(table, name, where) for key, name in roles.items() if key in _ROLES}
    labelled = [values(table, name, where) for name in columns]
    arrays["data.features"] = inputs(table, features, config.shape, where)
    if config.time is not None:
        arrays["data.time"] = numbers(arrays["data.time"], config.time, where)
    if file.form == "csv":
        labelled = list(map(labels, labelled))
        for key in roles.keys() & {"group", "recording"}:
            arrays[f"data.{key}"] = without_zeros(arrays[f"data.{key}"])
    several = isinstance(config.label, tuple)
    value = None
    if several:
        arrays["data.label"] = _stacked(labelled, columns, where)
    else:
        arrays["data.label"], value = _two_classes(labelled[0], config.positive, columns[0], where, positive)
    if config.group is not None and config.group_pattern is not None:
        arrays["data.group"] = _matched(arrays["data.group"], config.group_pattern, where)
    stated = {}
    if config.seizures is not None:
        stated["seizures"] = (base / config.seizures).name
        arrays[stated["seizures"]] = read_seizures(base / config.seizures, zeros=file.form != "csv")
    as_npz = Npz(
        source="npz",
        path=config.path,
        x="data.features",
        y="data.label",
        task="labels" if several and config.task == "auto" else config.task,
        positive=value,
        window_s=config.window_s,
        step_s=config.step_s,
        exact_names=config.exact_names,
        **{key: f"data.{key}" for key in roles if key in _ROLES},
        **stated,
    )
    rows = rows_of(arrays, as_npz, where, positive)
    return replace(rows, labels=LabelNames(columns)) if isinstance(rows.labels, LabelNames) else rows


_ROLES = ("group", "recording", "time", "split")


def label_columns(config: Table) -> tuple[str, ...]:
    """The columns of the labels."""
    return config.label if isinstance(config.label, tuple) else (config.label,)


def _stacked(columns: Sequence[NDArray[Any]], names: Sequence[str], where: str) -> NDArray[Any]:
    """Several columns of labels as one array `(n, K)`.

    Raises:
        RunError: there is one column alone, or one holds other than 0 and 1.
    """
    if len(names) < 2:
        raise RunError(f"data.label lists columns where there are several, but got {listed(names)} ({where})")
    for name, column in zip(names, columns, strict=True):
        if column.dtype.kind not in "biuf" or not np.isin(column, (0, 1)).all():
            raise RunError(f"columns of labels must hold 0 and 1, but {name!r} holds other values ({where})")
    return np.stack([column.astype(np.int8) for column in columns], axis=1)


def roles_of(config: Table) -> dict[str, str]:
    """The columns beside the inputs that the settings name, by setting."""
    named = {
        **{f"label {k}" if k else "label": name for k, name in enumerate(label_columns(config))},
        "group": config.group,
        "recording": config.recording,
        "time": config.time,
        "split": config.split,
    }
    return {key: name for key, name in named.items() if name is not None}


def feature_names(config: Table, file: TableFile) -> tuple[str, ...]:
    """The columns of the inputs, in the order of the settings, and of the file within a pattern.

    Raises:
        RunError: a name or pattern matches nothing, a column came twice, or they do not fill the shape.
    """
    where, found = file.path.name, list[str]()
    for asked in config.features:
        matched = [asked] if asked in file.names else [n for n in file.names if fnmatchcase(n, asked)]
        if not matched:
            raise RunError(
                f"data.features must name columns of {where}, or patterns such as X*, but {asked!r} matches "
                f"none of: {listed(file.names)}"
            )
        found += matched
    for name in found:
        check_named("data.features", name, file.names, where)
    twice = [name for name, count in Counter(found).items() if count > 1]
    if twice:
        raise RunError(f"data.features must name each column once, but {listed(twice)} came twice ({where})")
    if config.shape is not None and config.shape[0] * config.shape[1] != len(found):
        steps, channels = config.shape
        raise RunError(
            f"data.shape must have as many places as there are features, but {steps} x {channels} is "
            f"{steps * channels} and {len(found)} columns were found ({where})"
        )
    return tuple(found)


def inputs(
    table: pa.Table, features: Sequence[str], shape: Sequence[int] | None, where: str
) -> NDArray[np.float32]:
    """Returns the inputs that columns hold, `(n, features)` or `(n, *shape)`.

    Raises:
        RunError: a value is missing, no number, or none that float32 holds; rows are counted from 1.
    """
    x = np.empty((len(table), len(features)), np.float32)
    for place, name in enumerate(features):
        column = numbers(values(table, name, where), name, where)
        with np.errstate(over="ignore"):
            x[:, place] = column
        beyond = np.flatnonzero(np.isinf(x[:, place]))
        if beyond.size:
            raise RunError(
                f"inputs must be numbers below 3.4e38, as float32 holds them, but {name} has "
                f"{column[beyond[0]]:g} in row {beyond[0] + 1}; rescale it ({where})"
            )
    return x if shape is None else x.reshape(len(x), *shape)


def _two_classes(
    found: NDArray[Any], positive: Label | tuple[Label, ...] | None, label: str, where: str, setting: str
) -> tuple[NDArray[Any], Label | None]:
    """Labels and the positive one; listed values become one class, and all others the other."""
    missing = np.count_nonzero(found != found)  # NaN equals nothing
    if missing:
        raise RunError(
            f"every row needs a label, but {missing} of {len(found)} have none in {label!r} ({where})"
        )
    distinct, codes = np.unique(found, return_inverse=True)
    classes = distinct.tolist()
    if not isinstance(positive, tuple):
        if len(classes) > 2 and setting != POSITIVE:  # an option, which names one value
            raise RunError(
                f"labels have two values here, but {label!r} has {len(classes)}: {listed(classes)}; make "
                f"them two, or give the rows of two ({where})"
            )
        if len(classes) > 2 and positive is not None:
            raise RunError(
                f"data.positive must list the positive values of a label of more than two, but {label!r} has "
                f"{len(classes)}: {listed(classes)}; e.g. positive: [{classes[0]!r}] against the rest, or "
                f"leave it out for one class each ({where})"
            )
        return found, positive
    unknown = [value for value in positive if value not in classes]
    if unknown:
        raise RunError(
            f"data.positive must list values of {label!r}, but {listed(unknown)} is not among: "
            f"{listed(classes)} ({where})"
        )
    name = " or ".join(map(str, positive))
    return np.array([name if value in positive else f"not {name}" for value in classes])[codes], name


def _matched(names: NDArray[Any], pattern: str, where: str) -> NDArray[np.str_]:
    """The part of each group's name that the pattern's bracket holds."""
    texts = list(map(str, names))
    found = [re.search(pattern, text) for text in texts]
    without = [text for text, match in zip(texts, found, strict=True) if match is None]
    if without:
        raise RunError(
            f"data.group_pattern must match every group, but {pattern!r} does not match {without[0]!r} and "
            f"{len(without) - 1} more ({where})"
        )
    return np.array([match[1] for match in found if match is not None], np.str_)
