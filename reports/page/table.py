"""Encodes the leaderboard for the page, column by column, each in the shortest of three forms."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from reports.boards.columns import KNOWN
from reports.boards.footnotes import repeated

NOT_SHOWN = frozenset({"params", "node", "gpu_ids", "plateau_low", "plateau_high"})
"""Columns that the page leaves out: addresses of hosts are private, the settings inside `params` become
columns, and the slider shows the plateau."""
OF_CONFIG = (
    "width", "weight_decay", "momentum", "label_smoothing", "focal_gamma", "focal_alpha", "augmentation",
)  # fmt: skip
"""Settings of a trial that the leaderboard has inside `params` only."""
OF_SEEDS = frozenset({"value_mean", "seeds", "seed_of"})
"""Columns that the page has only where a configuration has several seeds."""
ALWAYS = frozenset({"rank", "value"})
"""Columns that the page has even if they are null in all rows."""
DIGITS = 5
"""Significant digits of the ends of intervals; nothing is computed from them."""

Column = list[Any] | dict[str, Any]
"""`[v, v, ...]`, or `{"all": v}`, or `{"of": [distinct values], "at": [their numbers]}`."""


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """Returns the rows of a leaderboard by column, encoded; arguments and columns as those of `values`."""
    return {name: encoded(column) for name, column in values(rows).items()}


def values(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Returns the rows of a leaderboard by column; those null in all rows are left out, but see ALWAYS.

    Those of OF_SEEDS are left out, too, unless a configuration has several seeds.

    Values are as they stand in the Parquet file, to the last digit; interval ends have `DIGITS`. An infinite
    threshold is the text `inf` or `-inf`.

    Args:
        rows: from `reports.boards.reading.read`.
    """
    names = [name for name in rows[0] if name in KNOWN and not pa.types.is_list(KNOWN[name])]
    left_out = NOT_SHOWN if repeated(rows) else NOT_SHOWN | OF_SEEDS
    found = {name: _shown(name, [row[name] for row in rows]) for name in names if name not in left_out}
    configs = [json.loads(row["params"] or "{}") for row in rows]
    found |= {name: [config.get(name) for config in configs] for name in OF_CONFIG}
    return {name: v for name, v in found.items() if name in ALWAYS or any(one is not None for one in v)}


def encoded(values: Sequence[Any]) -> Column:
    """Returns values in the shortest of the three ways; see `Column`."""
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return {"all": distinct[0]}
    number = {value: k for k, value in enumerate(distinct)}
    ways: tuple[Column, ...] = (list(values), {"of": distinct, "at": [number[value] for value in values]})
    return min(ways, key=lambda way: len(json.dumps(way, separators=(",", ":"))))


def number(value: float | None) -> float | str | None:
    """Returns a number as JSON can hold it: an infinity is text, as in `leaderboard --format json`."""
    return str(value) if value is not None and math.isinf(value) else value


def rounded(value: float | None, digits: int = DIGITS) -> float | None:
    """Returns a number with so many significant digits, for the eye."""
    return None if value is None else float(f"{value:.{digits}g}")


def _shown(name: str, values: Sequence[Any]) -> list[Any]:
    if name.startswith("val_") and name.endswith(("_low", "_high")):
        return [rounded(value) for value in values]
    return [number(value) if isinstance(value, float) else value for value in values]
