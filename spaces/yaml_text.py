"""Reads and writes the YAML of studies: the core types of YAML 1.2, each key once, faults with their line."""

import math
import re
from collections.abc import Hashable
from typing import Any

import yaml

DEEPEST = 50
"""Mappings and lists that may stand inside one another."""
MOST_DIGITS = 400
"""Digits of a whole number; no setting has so many, and Python refuses to read much longer ones."""


class YamlError(Exception):
    """What is wrong with a text of YAML, and on which line, in one line."""


_TRUE = ("true", "True", "TRUE")
# The regular expressions of the core schema: YAML 1.2.2, section 10.3.2.
_TYPES = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
)


class _CoreLoader(yaml.SafeLoader):
    """The safe loader with the resolvers of the core schema in place of those of YAML 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Counts how deep a node stands before it is read."""
        self.depth = getattr(self, "depth", 0) + 1
        if self.depth > DEEPEST:
            raise YamlError(f"must nest at most {DEEPEST} deep (line {self.line + 1})")
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _whole_number(loader: _CoreLoader, node: yaml.ScalarNode) -> int:
    text = node.value
    if len(text) > MOST_DIGITS:
        raise YamlError(
            f"a whole number must have at most {MOST_DIGITS} digits, but got one of {len(text)}{_at(node)}"
        )
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    try:
        return int(text, base)
    except ValueError:
        raise YamlError(f"!!int must stand before a whole number, but got {text!r}{_at(node)}") from None


def _number(loader: _CoreLoader, node: yaml.ScalarNode) -> float:
    text = node.value.lower()
    if text.endswith((".inf", ".nan")):
        return math.nan if text.endswith("n") else math.copysign(math.inf, -1 if text[0] == "-" else 1)
    try:
        return float(text)
    except ValueError:
        raise YamlError(f"!!float must stand before a number, but got {node.value!r}{_at(node)}") from None


def _truth(loader: _CoreLoader, node: yaml.ScalarNode) -> bool:
    if not re.fullmatch(_TYPES[1][1], node.value):
        raise YamlError(f"!!bool must stand before true or false, but got {node.value!r}{_at(node)}")
    return node.value in _TRUE


def _mapping(loader: _CoreLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise YamlError(f"!!map must stand before a mapping{_at(node)}")
    first: dict[Hashable, int] = {}
    found = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, Hashable):
            raise YamlError(f"a key must be one value, but got {key}{_at(key_node)}")
        if key in first:
            raise YamlError(
                f"a key must stand once, but {key!r} stands on line {first[key]} and on line {line}"
            )
        first[key] = line
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _at(place: Any) -> str:
    return f" (line {place.start_mark.line + 1})"


class _Dumper(yaml.SafeDumper):
    """Quotes text that either version of YAML would take for something else, such as 1e5 and yes."""


for _name, _pattern, _starts in _TYPES:
    for _class in (_CoreLoader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_name}",
            re.compile(f"^(?:{_pattern})$"),
            [*_starts, *([""] * (_name == "null"))],
        )
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _whole_number)
_CoreLoader.add_constructor("tag:yaml.org,2002:float", _number)
_CoreLoader.add_constructor("tag:yaml.org,2002:bool", _truth)
_CoreLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def load(text: str) -> Any:
    """Returns what a text of YAML holds, read by the core schema of YAML 1.2.

    So `yes`, `on`, `010`, `1:30` and `2026-01-31` are what they are there: text but for `010`, which is 10.

    Raises:
        YamlError: the text is not YAML, or has a key twice, nests too deep, or holds an unreadable value.
    """
    try:
        return yaml.load(text, Loader=_CoreLoader)
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split())) from None
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        # PyYAML's own constructors of !!timestamp, !!binary and others let these through.
        raise YamlError(f"a value cannot be read: {' '.join(str(error).split())}") from None


def dump(content: Any) -> str:
    """Returns plain content (mappings, lists, text, numbers, truths, None) as YAML that `load` reads back."""
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False)
    return text
