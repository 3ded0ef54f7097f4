"""Every setting of a study as Markdown tables, made from the models: name, values, default, meaning."""

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from spaces.policies import OfClasses
from spaces.space import Range
from spaces.study import Study

_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_TYPES = {str: "text", float: "number", int: "whole number", bool: "true, false", Any: "any value"}


def tables() -> str:
    """Returns one table for the study itself, and one for each of its parts and their kinds."""
    top = [(name, field) for name, field in Study.model_fields.items() if not _models(field.annotation)]
    parts = [_table("A study", Study, top)]
    parts += [
        _table(_title(name, model), model, list(model.model_fields.items()))
        for name, field in Study.model_fields.items()
        for model in dict.fromkeys(_models(field.annotation))  # labels share rules with binary studies
    ]
    return "\n\n".join(parts)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that stand for a part of the study; a range is a value, not a part."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if annotation is Range else [annotation]
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _title(name: str, model: type[BaseModel]) -> str:
    for key in ("source", "policy"):  # what tells the kinds of a part apart
        if (kind := model.model_fields.get(key)) is not None:
            said = get_args(kind.annotation) or ("package.module:function",)
            return f"`{name}: {{{key}: {said[0]}}}`{' of K classes' if issubclass(model, OfClasses) else ''}"
    return f"`{name}`"


def _table(title: str, model: type[BaseModel], fields: list[tuple[str, FieldInfo]]) -> str:
    says = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    lines = [f"### {title}", says]
    rows = [_row(name, field) for name, field in fields if name not in ("source", "policy")]
    if rows:
        lines += ["", "| setting | values | default | what it says |", "|---|---|---|---|", *rows]
    return "\n".join(lines)


def _row(name: str, field: FieldInfo) -> str:
    values = ", ".join(dict.fromkeys(_values(field.annotation)))
    bounds = _bounds(field.metadata)
    cells = (f"`{name}`", f"{values} {bounds}".strip(), _default(field), field.description or "")
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _values(annotation: Any) -> Iterator[str]:
    """What a setting may hold, in words."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        yield from map(str, inside)
    elif origin is Annotated:
        bounds = _bounds(inside[1:])
        yield from (f"{value} {bounds}".strip() for value in _values(inside[0]))
    elif origin in (Union, types.UnionType):
        for part in inside:
            yield from () if part is type(None) else _values(part)
    elif origin is tuple and inside[-1] is not Ellipsis:
        yield f"a list of {len(inside)}"
    elif origin is tuple:
        yield f"one or a list of: {', '.join(_values(inside[0]))}"
    elif origin is not None and issubclass(origin, Mapping):
        yield "a mapping"
    elif annotation is Range:
        yield "a number, or {low, high, log}"
    else:
        yield _TYPES[annotation]


def _bounds(metadata: Any) -> str:
    return " and ".join(
        f"{sign} {getattr(one, name)}"
        for one in metadata
        for name, sign in _BOUNDS.items()
        if hasattr(one, name)
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return _written(field.get_default(call_default_factory=True))


def _written(value: Any) -> str:
    """A value as a study would hold it, on one line."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Range(low=low, high=high) if low == high:
            return f"{low:g}"
        case Range():
            return f"{{low: {value.low:g}, high: {value.high:g}" + (", log: true}" if value.log else "}")
        case Mapping():
            return f"{{{', '.join(f'{key}: {_written(one)}' for key, one in value.items())}}}"
        case tuple():
            return f"[{', '.join(map(_written, value))}]"
        case float():
            return f"{value:g}"
        case _:
            return str(value)
