"""What a loop meets in each pass."""

from dataclasses import replace
from typing import Any

from audit.values import UNKNOWN, Array, Items, Rows


def element(value: Any) -> Any:
    """Returns what each element of something is like."""
    if isinstance(value, Items) and value.values:
        first = value.values[0]
        return first if all(one == first for one in value.values) else UNKNOWN
    if isinstance(value, Array):
        if value.statistic == "count":
            return Array(statistic="index", stride=value.stride)
        if value.statistic == "grid":
            return replace(value, statistic="candidate")
        if value.served is not None:
            return replace(value, served=replace(value.served, row=True), many=False)
        if value.statistic == "thresholds":
            return replace(value, statistic="candidate", chosen=None)
        return Array(roots=value.roots, part=value.part)
    if isinstance(value, Rows):
        return Items((_batch(value.features), _batch(value.labels)))
    return UNKNOWN


def _batch(value: Any) -> Any:
    return replace(value, many=True) if isinstance(value, Array) else value
