"""The leaderboard: all records, ranked, as one Parquet file that can be read at any moment."""

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from search.event_scores import EVENT_METRICS
from search.files import write_atomically
from search.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS
from search.record import Record
from spaces.errors import RunError

_ESTIMATED = (*METRICS, *RANKING_METRICS, *EVENT_METRICS)
_TEXT, _FLOAT, _INT = pa.string(), pa.float64(), pa.int64()
SCHEMA = pa.schema(
    [
        ("rank", _INT),
        ("trial_id", _TEXT),
        ("kind", _TEXT),
        ("state", _TEXT),
        ("trunk", _TEXT),
        ("head", _TEXT),
        ("loss", _TEXT),
        ("learning_rate", _FLOAT),
        ("optimizer", _TEXT),
        ("batch_size", _INT),
        ("class_weight", _TEXT),
        ("hidden_layers", _TEXT),
        ("dropout", _FLOAT),
        ("threshold_score", _FLOAT),
        ("threshold", _FLOAT),
        ("threshold_policy", _TEXT),
        ("plateau_low", _FLOAT),
        ("plateau_high", _FLOAT),
        ("calibration", _TEXT),
        ("calibration_a", _FLOAT),
        ("calibration_b", _FLOAT),
        ("calibration_note", _TEXT),
        ("objective", _TEXT),
        ("value", _FLOAT),
        ("value_fa_per_day", _FLOAT),
        ("cross_fit_by", _TEXT),
        ("groups", _TEXT),
        ("leaky", pa.bool_()),
        ("steering", _TEXT),
        ("steering_value", _FLOAT),
        *((f"val_{name}{end}", _FLOAT) for name in _ESTIMATED for end in ("", "_low", "_high")),
        *((f"val_{name}", _FLOAT) for name in PROBABILITY_METRICS),
        ("event_scoring", _TEXT),
        ("epochs", _INT),
        ("best_epoch", _INT),
        ("train_s", _FLOAT),
        ("params", _TEXT),
        ("seed", _INT),
        ("device", _TEXT),
        ("gpu_ids", _TEXT),
        ("gpu_share", _FLOAT),
        ("precision", _TEXT),
        ("node", _TEXT),
        ("threads", _INT),
        ("proof", _FLOAT),
        ("data_digest", _TEXT),
        ("code_digest", _TEXT),
        ("started_at", _TEXT),
        ("finished_at", _TEXT),
        ("error", _TEXT),
    ],
    metadata={
        "value": "cross-fitted on validation rows: threshold and calibration fitted on one half, "
        "measured on the other",
        "val_": "in sample: threshold and calibration fitted on the same validation rows",
    },
)
"""The columns, one name per thing. Undefined is null."""
_UNRANKED = pa.schema([field for field in SCHEMA if field.name != "rank"])
_BATCH = 256
"""Rows of a growing board that wait as they are: Arrow's overhead per column is large for one row."""


def row(record: Record) -> dict[str, Any]:
    """Returns a record as a row without its rank."""
    flat = record.model_dump(include=set(SCHEMA.names))
    config = record.ask.config
    found = {
        **flat,
        **(config.model_dump(include=set(SCHEMA.names) - {"threshold"}) if config else {}),
        "trial_id": record.ask.trial_id,
        "kind": record.ask.kind,
        "seed": record.ask.seed,
        "event_scoring": json.dumps(record.event_scoring) if record.event_scoring else None,
        "params": json.dumps(config.model_dump(exclude_none=True)) if config else None,
    }
    if config is None:
        found["trunk"] = record.ask.baseline
    for name, estimate in record.metrics.items():
        found[f"val_{name}"] = estimate.value
        if name in _ESTIMATED:
            found[f"val_{name}_low"], found[f"val_{name}_high"] = estimate.low, estimate.high
    return found


class Board:
    """A leaderboard in the making: rows are kept as Arrow, which takes a tenth of a record's memory.

    Args:
        records: what it starts with.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._table = _UNRANKED.empty_table()
        self._rows: list[dict[str, Any]] = []
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Adds a record, which is not kept."""
        self._rows.append(row(record))
        if len(self._rows) >= _BATCH:
            self._fold()

    def add_rows(self, parts: Iterable[pa.Table]) -> None:
        """Adds rows that other boards gave away."""
        self._fold()
        self._table = pa.concat_tables([self._table, *parts]).combine_chunks()

    def rows(self) -> pa.Table:
        """Returns all rows as they came, without ranks."""
        self._fold()
        return self._table

    def ranked(self) -> pa.Table:
        """Returns all rows, best value first, equal values under one rank; undefined last and without."""
        self._fold()
        order = [("value", "descending"), ("trial_id", "ascending")]
        table = self._table.take(pc.sort_indices(self._table, sort_keys=order))
        places = pc.rank(table["value"], sort_keys="descending", tiebreaker="min")
        rank = pc.if_else(table["value"].combine_chunks().is_valid(), places.cast(_INT), None)
        return table.add_column(0, "rank", rank).cast(SCHEMA)

    def write(self, path: Path) -> None:
        """Replaces a leaderboard file in one step."""
        sink = io.BytesIO()
        pq.write_table(self.ranked(), sink)
        write_atomically(path, sink.getvalue())

    def _fold(self) -> None:
        if self._rows:
            table = pa.concat_tables([self._table, pa.Table.from_pylist(self._rows, _UNRANKED)])
            self._table, self._rows = table.combine_chunks(), []


def ranked(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Returns rows, best value first, equal values under one rank; undefined values last and without."""
    return list(Board(records).ranked().to_pylist())


def write(path: Path, records: Iterable[Record]) -> None:
    """Replaces a leaderboard file in one step."""
    Board(records).write(path)


def read(
    path: Path, *, top: int | None = None, sort: str | None = None, where: str | None = None
) -> list[dict[str, Any]]:
    """Reads rows of a leaderboard file.

    Args:
        path: the Parquet file.
        top: at most so many rows.
        sort: a column, the largest first; `column asc` the smallest first. Null comes last either way.
        where: an SQL condition on the columns.

    Raises:
        RunError: no such file, no leaderboard, or SQL that does not hold.
    """
    if not path.is_file():
        raise RunError(f"a leaderboard is written when the first trial finishes, but {path} does not exist")
    table = _opened(path)
    if sort is None and where is None:
        return list((table if top is None else table.slice(0, top)).to_pylist())
    import duckdb

    column, _, direction = (sort or "rank asc").strip().partition(" ")
    if column not in SCHEMA.names or direction.lower() not in ("", "asc", "desc"):
        raise RunError(f"--sort takes a column and asc or desc, but got {sort!r}; columns: {_names()}")
    order = f'"{column}" {direction or "desc"} NULLS LAST, trial_id'
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        connection.register("leaderboard", table)
        try:
            # `filter` takes one expression: a condition cannot end the query and begin another.
            fit = connection.from_arrow(table).filter(where or "true").order(order)
            found = fit.limit(len(table) if top is None else top).to_arrow_table().to_pylist()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise RunError(
                f"--where takes an SQL condition on the columns, but got {where!r}: {reason}; "
                f"columns: {_names()}"
            ) from None
    return list(found)


def _opened(path: Path) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        if file.schema_arrow.names == SCHEMA.names:
            return file.read()
    except pa.ArrowException:
        pass
    raise RunError(f"a leaderboard is a Parquet file with the columns of one, but {path} is not")


def _names() -> str:
    return ", ".join(SCHEMA.names)


def as_text(rows: Sequence[dict[str, Any]], form: str) -> str:
    """Returns rows as `csv` or `json`, every column, for other programs."""
    if form == "json":
        return json.dumps([{k: _plain(v) for k, v in r.items()} for r in rows], indent=1)
    import pyarrow.csv

    sink = io.BytesIO()
    pyarrow.csv.write_csv(pa.Table.from_pylist(list(rows), SCHEMA), sink)
    return sink.getvalue().decode().rstrip("\n")


def _plain(value: Any) -> Any:
    # JSON knows no infinity; a threshold may be one.
    return str(value) if isinstance(value, float) and value in (float("inf"), float("-inf")) else value
