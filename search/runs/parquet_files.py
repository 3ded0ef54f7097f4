"""The Parquet files of a run: how they are read, and how validation rows are stored."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import TypeAdapter

from search.data.rows import Recording
from search.scores.half_splits import Halves
from search.scores.reference import Reference
from spaces.errors import RunError


@dataclass(frozen=True, kw_only=True)
class _Events:
    """What event scores need beside the rows, stored as metadata of the reference file."""

    window_s: float | None
    timeline: tuple[Recording, ...] | None


def columns_of(reference: Reference, rows: NDArray[np.int64]) -> tuple[dict[str, Any], dict[str, str]]:
    """Returns the columns of the validation rows, one entry a row, and the metadata that goes with them."""
    y = reference.y
    # Of K labels each has a column.
    columns: dict[str, Any] = {"row": rows}
    columns |= {"y": y} if y.ndim == 1 else {f"y_{k}": y[:, k] for k in range(y.shape[1])}
    optional = {"group": reference.groups, "recording": reference.recordings, "time": reference.times}
    columns |= {name: values for name, values in optional.items() if values is not None}
    halves = reference.halves
    columns |= {f"half_{k}": halves.mask[:, k] for k in range(halves.mask.shape[1])}
    events = _Events(window_s=reference.window_s, timeline=reference.timeline)
    # Without defaults, recordings without gaps stand there as before there were any: the digest is the same.
    told = TypeAdapter(_Events).dump_json(events, exclude_defaults=True).decode()
    metadata = {"cross_fit_by": halves.by, "events": told}
    return columns, metadata | ({"answers": json.dumps(reference.answers)} if reference.answers else {})


def reference_of(table: pa.Table) -> Reference:
    """Returns the validation rows that `columns_of` wrote."""
    names = [name for name in table.column_names if name.startswith("half_")]
    mask = np.stack([table[name].to_numpy() for name in names], axis=1)
    by = table.schema.metadata[b"cross_fit_by"].decode()
    events = TypeAdapter(_Events).validate_json(table.schema.metadata[b"events"])

    def column(name: str) -> Any:
        return table[name].to_numpy() if name in table.column_names else None

    def text(name: str) -> Any:
        return None if column(name) is None else column(name).astype(str)

    labels = [name for name in table.column_names if name.startswith("y_")]
    return Reference(
        y=np.stack([table[name].to_numpy() for name in labels], axis=1) if labels else column("y"),
        groups=text("group"),
        recordings=text("recording"),
        times=column("time"),
        halves=Halves(by, mask),
        window_s=events.window_s,
        timeline=events.timeline,
        answers=tuple(json.loads(table.schema.metadata.get(b"answers", b"[]"))),
    )


def score_columns(kind: str, score: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Returns scores `(n,)` as the column of their kind, or `(n, K)` as K columns of it."""
    if score.ndim == 1:
        return {kind: score}
    return {f"{kind}_{k}": score[:, k] for k in range(score.shape[1])}


def scores_in(table: pa.Table, kind: str) -> NDArray[np.float32]:
    """Returns the scores that `score_columns` made columns of."""
    if kind in table.column_names:
        return np.asarray(table[kind].to_numpy())
    names = [name for name in table.column_names if name.startswith(f"{kind}_")]
    return np.ascontiguousarray(np.stack([table[name].to_numpy() for name in names], axis=1))


def as_parquet(columns: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """Returns columns as the content of a Parquet file, with key-value metadata."""
    sink = io.BytesIO()
    table = pa.table(dict(columns))
    pq.write_table(table.replace_schema_metadata(dict(metadata)) if metadata else table, sink)
    return sink.getvalue()


def digests_of(table: pa.Table) -> dict[str, str]:
    """Returns the sha256 of each column, of its values and their order, whatever wrote the file."""
    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = column.combine_chunks()
        total = hashlib.sha256(f"{values.type} {len(values)}\n".encode())
        if pa.types.is_string(values.type):
            encoded = values.dictionary_encode()
            total.update("\n".join(map(repr, encoded.dictionary.to_pylist())).encode())
            values = encoded.indices
        total.update(values.to_numpy(zero_copy_only=False).tobytes())
        found[name] = total.hexdigest()
    return found


def digest_of(table: pa.Table) -> str:
    """Returns the sha256 of a table: its columns, by name, and its metadata."""
    described = sorted(digests_of(table).items()), sorted((table.schema.metadata or {}).items())
    return hashlib.sha256(repr(described).encode()).hexdigest()


def read_table(path: Path, remedy: str, columns: list[str] | None = None) -> pa.Table:
    """Reads a Parquet file of a run.

    Raises:
        RunError: it does not read back; the remedy is what a person can do.
    """
    try:
        # Opened by Python, which `retraining.close` can forbid: not so what pyarrow opens itself.
        return pq.ParquetFile(pa.BufferReader(path.read_bytes())).read(columns)
    except (pa.ArrowException, OSError):
        raise damaged(path, remedy) from None


def damaged(path: Path, remedy: str) -> RunError:
    """Returns what to raise for a file of a run that was damaged from outside."""
    return RunError(f"a run's files must read back, but {path} does not; {remedy}", exit_code=1)


def not_as_written(path: Path, remedy: str, what: str) -> RunError:
    """Returns what to raise for a file of a run that reads, but does not hold what the run wrote there."""
    return RunError(
        f"a run's files must be as it wrote them, but {path} is not: {what}; {remedy}", exit_code=1
    )
