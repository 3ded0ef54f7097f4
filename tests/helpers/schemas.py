"""Holds files against the JSON schemas in docs/."""

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError

from tests.conftest import ROOT


def content(path: Path) -> dict[str, Any]:
    """What a YAML file holds."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def faults(said: dict[str, Any], schema: str) -> list[str]:
    """Where a content is not what a schema says; of a part that may be null, what is wrong inside it."""
    validator = Draft202012Validator(json.loads((ROOT / "docs" / schema).read_text(encoding="utf-8")))
    found = (_inmost(error) for error in validator.iter_errors(said))
    return [f"{error.json_path}: {error.message}" for error in found]


def _inmost(error: ValidationError) -> ValidationError:
    return max(error.context or [error], key=lambda one: len(one.absolute_path))
