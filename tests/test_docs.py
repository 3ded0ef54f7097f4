"""The README stays true: its tree names every file, and its commands exist."""

import re

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tree_names_every_file():
    tree = README.split("## The code")[1].split("```")[1]
    for package in ("spaces", "search", "reports", "cluster"):
        section = re.split(rf"^{package}/ ", tree, flags=re.M)[1]
        section = re.split(r"^\S", section, maxsplit=1, flags=re.M)[0]
        named = set(re.findall(r"^  ((?:\w+/)?\w+\.py) ", section, flags=re.M))
        folder = ROOT / package
        there = {str(p.relative_to(folder)) for p in folder.rglob("*.py") if p.name != "__init__.py"}
        assert named == there


def test_the_commands_and_targets_exist():
    from cluster.cli import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"python search\.py (\w+)", README)) <= commands
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"`?make (\w+)", README)) <= targets


def test_the_example_study_is_one():
    import yaml

    from spaces.study_file import parse

    example = README.split("```yaml")[1].split("```")[0]
    assert parse(yaml.safe_load(example)).threshold.policy == "max_f1"
