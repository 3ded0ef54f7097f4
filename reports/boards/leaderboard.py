"""Writes the leaderboard: all records, ranked, as one Parquet file that is readable at any moment."""

import io
import json
import statistics
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from reports.boards.columns import schema_of
from reports.boards.standings import CERTAIN, TRAINED
from search.files import write_atomically
from search.record import Record
from spaces.tasks import SMALLER_IS_BETTER, TaskName

_OF_ALL = ("rank", "value_mean", "seeds", "seed_of")
"""Columns that follow from all rows together."""
_BATCH = 256
"""Rows that are collected before they become Arrow, whose overhead per column is large for one row."""


@cache
def _unranked(task: TaskName, events: bool = False) -> pa.Schema:
    return pa.schema([field for field in schema_of(task, events=events) if field.name not in _OF_ALL])


@cache
def _names(task: TaskName, events: bool) -> frozenset[str]:
    return frozenset(schema_of(task, events=events).names)


def row(record: Record) -> dict[str, Any]:
    """Returns a record as a row without what follows from all rows: its rank, and its seeds."""
    names = _names(record.task, record.event_scoring is not None)
    flat = record.model_dump(include={*names})
    config = record.ask.config
    found = {
        **flat,
        **(config.model_dump(include={*names} - {"threshold", "task"}) if config else {}),
        "trial_id": record.ask.trial_id,
        "kind": record.ask.kind,
        "constant_decision": record.constant_decision,
        "seed": record.ask.seed,
        "event_scoring": json.dumps(record.event_scoring) if record.event_scoring else None,
        "params": json.dumps(config.model_dump(exclude_none=True, exclude={"code"})) if config else None,
    }
    if config is None:
        found["trunk"] = record.ask.name
    if record.answers is not None:
        found["answers"] = [str(answer) for answer in record.answers]
    for name, estimate in record.metrics.items():
        found[f"val_{name}"] = estimate.value
        if f"val_{name}_low" in names:
            found[f"val_{name}_low"], found[f"val_{name}_high"] = estimate.low, estimate.high
    for name, estimates in record.each.items():
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high")):
            found[f"each_{name}{end}"] = [getattr(estimate, part) for estimate in estimates]
    return found


class Board:
    """A leaderboard in the making: rows are kept as Arrow, which takes a tenth of a record's memory.

    Args:
        records: what it starts with.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._schema = _unranked("binary")
        self._table = self._schema.empty_table()
        self._rows: list[dict[str, Any]] = []
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Adds a record as a row; all rows of a board are of one task."""
        if not self._rows and not self._table.num_rows:
            self._schema = _unranked(record.task, record.event_scoring is not None)
            self._table = self._schema.empty_table()
        self._rows.append(row(record))
        if len(self._rows) >= _BATCH:
            self._fold()

    def add_rows(self, parts: Iterable[pa.Table]) -> None:
        """Adds rows of another board, without ranks."""
        self._fold()
        tables = [one for one in (self._table, *parts) if one.num_rows]
        if tables:
            self._table = pa.concat_tables(tables).combine_chunks()
            self._schema = self._table.schema

    def rows(self) -> pa.Table:
        """Returns all rows as they came, without ranks."""
        self._fold()
        return self._table

    def ranked(self) -> pa.Table:
        """Returns all rows, the best configuration first, equal means under one rank.

        A rank is one more than the number of better configurations. Seeds of a configuration share a rank
        and stand in the order of their trials, see `reports.boards.standings`. Rows whose decision is
        constant rank after all that decide something. Undefined values come last and have no rank.
        """
        self._fold()
        table = with_seeds(self._table)
        keys = pa.table(
            {
                "defined": table["value"].is_valid().cast(pa.int8()),
                "decides": pc.invert(table["constant_decision"].fill_null(False)).cast(pa.int8()),
                "value_mean": signed(table, "value_mean"),
                "first": pc.coalesce(table["seed_of"], table["trial_id"]),
                "trial_id": table["trial_id"],
            }
        )
        merit, names = ("defined", "decides", "value_mean"), ("first", "trial_id")
        order = [*((name, "descending") for name in merit), *((name, "ascending") for name in names)]
        found = pc.sort_indices(keys, sort_keys=order)
        table, sorted_keys = table.take(found), keys.take(found)
        columns = np.stack([sorted_keys[name].to_numpy().astype(np.float64) for name in merit])
        as_before = (columns[:, 1:] == columns[:, :-1]).all(axis=0)
        first = sorted_keys["first"].to_numpy()
        places = np.zeros(table.num_rows, np.int64)  # how many configurations stand above
        places[1:] = np.cumsum(~as_before | (first[1:] != first[:-1]))
        places[1:][as_before] = 0
        rank = pa.array(np.maximum.accumulate(places) + 1, pa.int64(), mask=columns[0] == 0)
        task: TaskName = "binary" if "task" not in table.column_names else table["task"][0].as_py()
        schema = schema_of(task, events="event_scoring" in table.column_names)
        return table.add_column(0, "rank", rank).select(schema.names).cast(schema)

    def write(self, path: Path) -> None:
        """Replaces a leaderboard file in one step."""
        sink = io.BytesIO()
        pq.write_table(self.ranked(), sink)
        write_atomically(path, sink.getvalue())

    def _fold(self) -> None:
        if self._rows:
            table = pa.concat_tables([self._table, pa.Table.from_pylist(self._rows, self._schema)])
            self._table, self._rows = table.combine_chunks(), []


def signed(table: pa.Table, column: str) -> pa.Array:
    """Returns a column of values so that the larger is the better."""
    less = pc.is_in(table["objective"], pa.array(sorted(SMALLER_IS_BETTER)))
    return pc.if_else(less, pc.negate(table[column]), table[column])


def with_seeds(table: pa.Table) -> pa.Table:
    """Adds what `reports.boards.standings` says of the rows: it is the same, without records."""
    mean, ids = table["value"].to_numpy().copy(), table["trial_id"]
    numbers = _configurations(table)
    seeds = np.bincount(numbers + 1, minlength=1)[numbers + 1]
    seed_of: list[str | None] = [None] * table.num_rows
    again = np.flatnonzero((numbers >= 0) & (seeds > 1))
    again = again[np.argsort(numbers[again], kind="stable")]
    for rows in np.split(again, np.flatnonzero(np.diff(numbers[again])) + 1):
        if rows.size:
            names = ids.take(rows).to_pylist()
            first = min(names, key=int)
            mean[rows] = statistics.mean(mean[rows].tolist())
            for row, name in zip(rows, names, strict=True):
                seed_of[row] = None if name == first else first
    found = pa.array(mean, mask=table["value"].is_null().to_numpy())
    return (
        table.append_column("value_mean", found)
        .append_column("seeds", pa.array(seeds, pa.int64(), mask=numbers < 0))
        .append_column("seed_of", pa.array(seed_of, pa.string()))
    )


def _configurations(table: pa.Table) -> NDArray[np.int64]:
    """A number for each row that its configuration's seeds share, -1 for what is no seed, `(rows,)`."""
    stopped = pc.equal(table["state"], "stopped")
    epochs = pc.fill_null(table["epochs"].cast(pa.string()), "unknown")
    trained = pc.if_else(stopped, pc.binary_join_element_wise("stopped", epochs, " "), "to its end")
    key = pc.binary_join_element_wise(table["params"], trained, " ")
    perfect = pc.is_in(table["objective"], pa.array(CERTAIN))
    one = pc.and_(pc.is_in(table["kind"], pa.array(TRAINED)), pc.is_valid(table["value"]))
    one = pc.and_(one, pc.not_equal(table["state"], "failed"))
    one = pc.and_not(one, pc.and_(pc.fill_null(table["constant_decision"], False), perfect))
    key = pc.if_else(one, key, pa.scalar(None, pa.string()))
    codes = key.combine_chunks().dictionary_encode().indices
    return np.asarray(codes.fill_null(-1).to_numpy(), np.int64)


def ranked(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Returns rows in the order of `Board.ranked`."""
    return list(Board(records).ranked().to_pylist())


def renewed(table: pa.Table) -> pa.Table:
    """Returns a leaderboard of an earlier version, which knew no seeds, as it is ranked now."""
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in _unranked("binary")
    ]
    board = Board()
    board.add_rows([pa.table(columns, schema=_unranked("binary"))])
    return board.ranked()


def write(path: Path, records: Iterable[Record]) -> None:
    """Replaces a leaderboard file in one step."""
    Board(records).write(path)
