"""Values with what they refer to, as a call is given them."""

from typing import Any

from audit.call import Model, Runner
from audit.values import UNKNOWN, Choice, Items, Network, Ref, State, Table, choice, mapped


def whole_of(reader: Runner, value: Any) -> Any:
    """Returns a value with what its references stand for, to be given to a call."""
    return taken(reader.state, value, 4)


def taken(state: State, value: Any, depth: int) -> Any:
    """Returns a value in which lists and dictionaries stand as they are now, and models as `Model`."""
    if depth == 0:
        return UNKNOWN
    if isinstance(value, Choice):
        return choice((tags, taken(state, one, depth)) for tags, one in value.options)
    if isinstance(value, Ref):
        held = state.heap.get(value.key, UNKNOWN)
        if isinstance(held, Choice):
            return choice((tags, _held(state, value, one, depth)) for tags, one in held.options)
        return _held(state, value, held, depth)
    if isinstance(value, Items):
        return mapped(
            lambda *values: Items(values, value.open), *(taken(state, one, depth - 1) for one in value.values)
        )
    if isinstance(value, Table):
        return mapped(
            lambda *values: Table(
                tuple((key, held) for (key, _), held in zip(value.entries, values, strict=True)), value.open
            ),
            *(taken(state, one, depth - 1) for _, one in value.entries),
        )
    return value


def _held(state: State, ref: Ref, held: Any, depth: int) -> Any:
    if isinstance(held, Network):
        return Model(ref, held)
    if isinstance(held, Items | Table):
        return taken(state, held, depth)
    return ref


def opened(reader: Runner, value: Any) -> Any:
    """Returns what a list or dictionary holds, whose own values stay what can change."""
    held = reader.state.heap.get(value.key) if isinstance(value, Ref) else value
    return held if isinstance(held, Items | Table) else whole_of(reader, value)


def restored(value: Any) -> Any:
    """Returns a value in which models stand as what can change again."""
    if isinstance(value, Model):
        return value.ref
    if isinstance(value, Items) and any(isinstance(one, Model | Items) for one in value.values):
        return Items(tuple(restored(one) for one in value.values), value.open)
    if isinstance(value, Table):
        return Table(tuple((key, restored(held)) for key, held in value.entries), value.open)
    return value
