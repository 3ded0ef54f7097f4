"""The columns of prepared rows, such as labels and groups, as one table."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def as_table(parts: Sequence[Mapping[str, NDArray[Any]]]) -> pa.Table:
    """Returns the columns of all rows, part after part; text as a dictionary, since names repeat."""
    found: dict[str, Any] = {}
    for key in parts[0]:
        values = np.concatenate([columns[key] for columns in parts])
        text = values.dtype.kind == "U"
        if values.ndim == 2:
            found |= {f"{key}_{k}": pa.array(values[:, k]) for k in range(values.shape[1])}
        else:
            found[key] = pa.array(values.tolist()).dictionary_encode() if text else pa.array(values)
    return pa.table(found)


def labels_of(columns: pa.Table) -> NDArray[Any]:
    """Returns the labels of all rows, `(n,)`, or of K labels `(n, K)`."""
    if "y" in columns.column_names:
        return np.asarray(columns["y"].to_numpy())
    count = sum(name.startswith("y_") for name in columns.column_names)
    return np.stack([columns[f"y_{k}"].to_numpy() for k in range(count)], axis=1)


def content_of(columns: pa.Table) -> bytes:
    """Returns the sha256 of the columns' values."""
    total = hashlib.sha256()
    for name in columns.column_names:
        column = columns[name].combine_chunks()
        total.update(name.encode())
        if isinstance(column, pa.DictionaryArray):
            total.update(json.dumps(column.dictionary.to_pylist()).encode())
            column = column.indices
        total.update(column.to_numpy().tobytes())
    return total.digest()
