"""What trackers are told of a finished trial, under the names that the leaderboard has."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pyarrow as pa

from reports.boards.columns import schema_for
from reports.boards.leaderboard import row
from search.record import Record
from spaces.configuration import Config

End = Literal["FINISHED", "FAILED", "KILLED"]
"""How a search ended, in MLflow's words; killed is one that was interrupted and can go on."""
PARAMETERS = (*(name for name in Config.model_fields if name not in ("folder", "code")), "seed")
"""What was asked of a trial. A path of this host is none, nor is the digest of a network's code."""
_OF_THE_ASK = frozenset({*PARAMETERS, "params"} - {"threshold"})
_NO_METRICS = frozenset({"threads", "gpu_share"})
CURVES = ("epoch/loss", "epoch/{steering}", "epoch/learning_rate")
"""Of each epoch, from 1: training loss, the value that steers, and the learning rate."""


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """A finished trial as trackers take it. What is undefined is left out.

    Args:
        params: what was asked of it.
        metrics: finite numbers; what is infinite, as a threshold may be, stands among the tags.
        tags: everything else.
        curves: of each name the epochs, from 1, with their values.
        began_ms, ended_ms: since 1970, in UTC.
    """

    params: Mapping[str, str | float | bool]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    curves: Mapping[str, tuple[tuple[int, float], ...]]
    began_ms: int
    ended_ms: int


def tracked(record: Record) -> Tracked:
    """Returns what trackers are told of a record."""
    asked, config = row(record), record.ask.config
    params = (
        {"trunk": record.ask.name}
        if config is None
        else config.model_dump(exclude={"folder", "code", "task"})
    )
    metrics, tags = {}, {}
    for field in schema_for(record):
        value = asked.get(field.name)
        if value is None or field.name in _OF_THE_ASK:
            continue
        number = pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
        if number and math.isfinite(value) and field.name not in _NO_METRICS:
            metrics[field.name] = float(value)
        else:
            tags[field.name] = value if isinstance(value, str) else json.dumps(value)
    ended = datetime.fromisoformat(record.finished_at)
    began = ended if record.started_at is None else datetime.fromisoformat(record.started_at)
    return Tracked(
        params={
            name: value for name, value in {**params, "seed": record.ask.seed}.items() if value is not None
        },
        metrics=metrics,
        tags=tags,
        curves=_curves(record),
        began_ms=_milliseconds(began),
        ended_ms=_milliseconds(ended),
    )


def _curves(record: Record) -> dict[str, tuple[tuple[int, float], ...]]:
    return {
        name.format(steering=record.steering): tuple(enumerate(values, start=1))
        for name, values in zip(CURVES, zip(*record.history, strict=True), strict=False)
    }


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)
