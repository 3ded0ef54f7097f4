"""Writes the leaderboard: all records, ranked, as one Parquet file that is readable at any moment."""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reports.boards.columns import ESTIMATED, SCHEMA
from search.files import write_atomically
from search.record import Record

_UNRANKED = pa.schema([field for field in SCHEMA if field.name != "rank"])
_BATCH = 256
"""Rows that are collected before they become Arrow, whose overhead per column is large for one row."""


def row(record: Record) -> dict[str, Any]:
    """Returns a record as a row without its rank."""
    flat = record.model_dump(include=set(SCHEMA.names))
    config = record.ask.config
    found = {
        **flat,
        **(config.model_dump(include=set(SCHEMA.names) - {"threshold"}) if config else {}),
        "trial_id": record.ask.trial_id,
        "kind": record.ask.kind,
        "constant_decision": record.constant_decision,
        "seed": record.ask.seed,
        "event_scoring": json.dumps(record.event_scoring) if record.event_scoring else None,
        "params": json.dumps(config.model_dump(exclude_none=True, exclude={"code"})) if config else None,
    }
    if config is None:
        found["trunk"] = record.ask.name
    for name, estimate in record.metrics.items():
        found[f"val_{name}"] = estimate.value
        if name in ESTIMATED:
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
        """Adds a record as a row."""
        self._rows.append(row(record))
        if len(self._rows) >= _BATCH:
            self._fold()

    def add_rows(self, parts: Iterable[pa.Table]) -> None:
        """Adds rows of another board, without ranks."""
        self._fold()
        self._table = pa.concat_tables([self._table, *parts]).combine_chunks()

    def rows(self) -> pa.Table:
        """Returns all rows as they came, without ranks."""
        self._fold()
        return self._table

    def ranked(self) -> pa.Table:
        """Returns all rows, best value first, equal values under one rank.

        Rows whose decision is constant rank after all that decide something. Undefined values come last and
        have no rank.
        """
        self._fold()
        keys = pa.table(
            {
                "defined": self._table["value"].is_valid().cast(pa.int8()),
                "decides": pc.invert(self._table["constant_decision"].fill_null(False)).cast(pa.int8()),
                "value": self._table["value"],
                "trial_id": self._table["trial_id"],
            }
        )
        merit = ("defined", "decides", "value")
        order = [*((name, "descending") for name in merit), ("trial_id", "ascending")]
        found = pc.sort_indices(keys, sort_keys=order)
        table, sorted_keys = self._table.take(found), keys.take(found)
        places = np.arange(table.num_rows)
        columns = np.stack([sorted_keys[name].to_numpy().astype(np.float64) for name in merit])
        places[1:][(columns[:, 1:] == columns[:, :-1]).all(axis=0)] = 0  # as the one before
        rank = pa.array(np.maximum.accumulate(places) + 1, pa.int64(), mask=columns[0] == 0)
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
    """Returns rows in the order of `Board.ranked`."""
    return list(Board(records).ranked().to_pylist())


def write(path: Path, records: Iterable[Record]) -> None:
    """Replaces a leaderboard file in one step."""
    Board(records).write(path)
