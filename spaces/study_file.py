"""Reads and writes study files: YAML over a preset, with one clear line for whatever is wrong."""

import types
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from spaces import yaml_text
from spaces.base import SettingError
from spaces.data import CUSTOM, SOURCE_TAGS
from spaces.errors import RunError
from spaces.policies import THRESHOLD_TAGS
from spaces.presets import PRESETS
from spaces.study import NAME, NAME_WORDS, OF_TRAINING, Study
from spaces.tasks import Task

WORDS = {f"^{NAME}$": NAME_WORDS}
"""What patterns that people write by hand ask for."""


def parse(written: Mapping[str, Any], where: str = "study") -> Study:
    """Builds a study from what a file holds, laid over its preset.

    Raises:
        RunError: a key is unknown or a value breaks its rule; one line says which, and where.
    """
    preset = written.get("preset")
    if preset is not None and (not isinstance(preset, str) or preset not in PRESETS):
        raise RunError(f"preset must be one of {', '.join(PRESETS)}, but got {preset!r} ({where}: preset)")
    below = dict(PRESETS[preset]) if preset is not None else {}
    if "threshold" in written:
        below.pop("threshold", None)  # a rule of its own must not mix with the preset's
    layered = overlay(below, written)
    try:
        return Study.model_validate(layered)
    except ValidationError as error:
        raise RunError(_one_line(error, where)) from None


def settled(study: Study, task: Task, where: str = "study") -> Study:
    """Returns a study once its labels have said what it asks: with the heads and metrics of that task.

    Raises:
        RunError: the study names heads, losses or metrics that the task does not have.
    """
    if study.task == task and study.data.kind is not None:
        return study
    said = {name: getattr(study, name) for name in study.model_fields_set}
    said["data"] = (
        study.data.model_copy(update={"task": task.name}) if study.data.kind is None else study.data
    )
    try:
        made = Study(**said | {"task": task})
    except ValidationError as error:
        raise RunError(_one_line(error, where)) from None
    return made.model_copy(update={"data": study.data})


def read(path: Path, settings: tuple[str, ...] = ()) -> Study:
    """Reads a study file, with `a.b=c` settings laid over it.

    Raises:
        RunError: no such file, not YAML, an unknown key or a broken rule.
    """
    return parse(with_settings(load(path), settings), path.name)


def load(path: Path) -> dict[str, Any]:
    """Reads what a study file holds, unchecked.

    Raises:
        RunError: no such file, not YAML, or no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"a study is a readable YAML file, but got {path}: {_reason(error)}") from None
    try:
        written = yaml_text.load(text)
    except yaml_text.YamlError as error:
        raise RunError(f"a study is a YAML file, but {path.name} does not parse: {error}") from None
    if not isinstance(written, dict):
        raise RunError(f"a study is a mapping of settings, but {path.name} holds {type(written).__name__}")
    if written.pop("resolved", None) is not None:
        # What a run wrote down beside its study. One that began before there was a portfolio asks for none.
        written.setdefault("search", {"portfolio": False})
    return written


def with_settings(written: Mapping[str, Any], settings: tuple[str, ...]) -> dict[str, Any]:
    """Lays `a.b=c` settings over what a study holds; values are read as YAML.

    Raises:
        RunError: a setting has no `=`, or its value is no YAML.
    """
    result = dict(written)
    for setting in settings:
        key, separator, value = setting.partition("=")
        if not separator or not key:
            raise RunError(f"--set takes key=value, such as budget.trials=8, but got {setting!r}")
        try:
            change: Any = yaml_text.load(value)
        except yaml_text.YamlError as error:
            raise RunError(
                f"--set takes key=value with a value in YAML, such as budget.trials=8, but got {setting!r}: "
                f"{error}"
            ) from None
        for part in reversed(key.split(".")):
            change = {part: change}
        result = overlay(result, change)
    return result


def to_yaml(study: Study) -> str:
    """Writes a study with every default that means something; `parse` reads it back as an equal one."""
    exclude = set() if study.trains else set(OF_TRAINING)
    return yaml_text.dump(study.model_dump(mode="json", exclude=exclude))


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lays settings over others; a part that both have is merged, unless it is of another kind."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        # Another source, policy or set of heads replaces the old one whole: their keys do not mix.
        whole = key == "heads" or (both and any(value.get(k, merged[key].get(k)) != merged[key].get(k)
                                                for k in ("source", "policy")))  # fmt: skip
        merged[key] = overlay(merged[key], value) if both and not whole else value
    return merged


def _one_line(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    if path[:1] == ["data"]:
        path = [part for part in path if part not in SOURCE_TAGS]
    if path[:1] == ["threshold"]:
        # Without the task and the policy that it is read for.
        path = path[:1] + [part for k, part in enumerate(path[1:]) if k > 1 or part not in THRESHOLD_TAGS]
    place = f"({where}: {'.'.join(path)})" if path else f"({where})"
    if first["type"] == "extra_forbidden":
        near = get_close_matches(path[-1], _known_keys(first["loc"]), n=1, cutoff=0.0)
        return f"unknown key {path[-1]!r}; nearest is {near[0] if near else 'none'!r} {place}"
    broken = first.get("ctx", {}).get("error")
    if isinstance(broken, SettingError):
        place = f"({where}: {'.'.join([*path, broken.setting])})"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "union_tag_invalid":
        context, source = first["ctx"], path[:1] == ["data"]
        own = f", or {CUSTOM}" if source else ""
        tags = context["expected_tags"]
        for hidden in ("arrays", "scores", CUSTOM):  # of notebooks, of decide, and told in words
            tags = tags.replace(f", '{hidden}'", "")
        return f"must be one of {tags}{own}, but got {context['tag']!r} {place}"
    if first["type"] == "union_tag_not_found":
        return f"needs the key '{'source' if path[:1] == ['data'] else 'policy'}' {place}"
    if first["type"] == "missing":
        return f"the key {path[-1]!r} is required {place}"
    if first["type"] == "value_error":
        return f"{message} {place}"
    words = WORDS.get(str(first.get("ctx", {}).get("pattern")))
    rule = words or message.partition(" should ")[2]  # of "Input should be ...", "String should match ..."
    return f"{f'must {rule}' if rule else message}, but got {first['input']!r} {place}".replace("\n", " ")


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Returns the keys that would have been known where an unknown one stands."""
    models: list[type[BaseModel]] = [Study]
    for part in location[:-1]:
        inner = [m for model in models for m in _models(model, str(part))]
        models = inner or [m for m in models if _is_tagged(m, part)] or models
    return sorted({key for model in models for key in model.model_fields} - {str(location[-1])})


def _models(model: type[BaseModel], key: str) -> list[type[BaseModel]]:
    field = model.model_fields.get(key)
    return _flatten(field.annotation) if field is not None else []


def _is_tagged(model: type[BaseModel], tag: int | str) -> bool:
    return any(tag in get_args(field.annotation) for field in model.model_fields.values())


def _flatten(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return [model for part in get_args(annotation) for model in _flatten(part)]
    return []


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else "not UTF-8 text"
