"""Methods of data sets that give rows and labels together."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from audit.call import Call
from audit.values import Function, Items, Rows


def of_rows(call: Call) -> Any:
    """A method of a data set that keeps what its rows are."""
    return call.owner


def mapped_rows(call: Call) -> Any:
    """`Dataset.map`, followed where it takes features and labels."""
    function = call.get(0, "map_func")
    if isinstance(function, Function):
        made = call.runner.apply(function, (call.owner.features, call.owner.labels), call.node)
        if isinstance(made, Items) and len(made.values) == 2:
            return Rows(labels=made.values[1], features=made.values[0])
    return Rows()


ROWS: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        "map": mapped_rows,
        **dict.fromkeys(
            (
                *("batch", "shuffle", "prefetch", "cache", "repeat", "take", "skip", "with_options", "shard"),
                *("apply", "unbatch", "filter", "concatenate", "rebatch"),
            ),
            of_rows,
        ),
    }
)
"""Methods of data sets."""
