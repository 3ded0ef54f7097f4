"""README and docs stay true: their links, rooms, settings and commands are those of the project."""

import json
import re

import pytest
import yaml

from reports.bundles import schema as bundles
from reports.decisions import decision_folder as decisions
from spaces import settings
from spaces.study_file import parse
from tests.conftest import ROOT
from tests.test_architecture import ENTRIES, FILE_OF, FILES, FOLDERS, each_file, text_of

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
SETTINGS = re.compile(
    r"(?<=<!-- settings: made by `make docs` from the models in spaces/ -->\n).*(?=<!-- end of)", re.S
)
SCHEMAS = {"bundle.schema.json": bundles.json_schema, "decision.schema.json": decisions.json_schema}
each_page = pytest.mark.parametrize("name", TEXTS)


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language, or in none where that is empty."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", TEXTS[name], flags=re.S | re.M)
    return [block for named, block in fenced if named == language]


def schema(name: str) -> str:
    """A JSON schema as docs/ has it."""
    return json.dumps(SCHEMAS[name](), indent=2) + "\n"


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].encode()) <= 12_000


def test_the_readme_names_every_room():
    tree = TEXTS["README.md"].split("## The code\n```\n")[1].split("```")[0]
    named = {line.split()[0] for line in tree.splitlines()}
    rooms = {f"{folder.as_posix()}/" for folder in FOLDERS}
    assert rooms <= named
    assert all((ROOT / name).exists() for name in named)


@each_page
def test_links_lead_somewhere(name):
    page = next(page for page in PAGES if page.name == name)
    links = re.findall(r"\]\(([^)#]+)", TEXTS[name])
    assert [link for link in links if not (page.parent / link).exists()] == []


@each_page
def test_files_that_are_named_are_there(name):
    """Paths of our code in backticks, such as `search/training/proof.py`."""
    named = re.findall(
        r"(?<![\w/(])(?:(?:spaces|audit|search|reports|cluster|tests)/[\w/]+\.(?:py|md|yaml))", TEXTS[name]
    )
    assert [path for path in named if not (ROOT / path).is_file()] == []
    beside = re.findall(r"`(\w+\.py)`", TEXTS[name])
    there = {path.name for path in [*FILES, *ENTRIES, *(ROOT / "tests").rglob("*.py")]}
    assert sorted({*beside} - there - {"decision.py"}) == []  # which `decide` writes


@each_file
def test_what_docstrings_refer_to_is_there(path):
    """Names in backticks that begin with a package, such as `search.record.Record`."""
    for named in re.findall(r"`((?:spaces|audit|search|reports|cluster)\.[\w.]+)`", text_of(path)):
        module = max((name for name in FILE_OF if f"{named}.".startswith(f"{name}.")), key=len, default="")
        assert module, f"{path} speaks of {named}, which is no module"
        for name in named.removeprefix(module).split("."):
            assert re.search(rf"\b{name}\b", text_of(FILE_OF[module])), f"{path} speaks of {named}"


@each_page
def test_studies_are_studies(name):
    for block in blocks(name, "yaml"):
        parse(yaml.safe_load(block))


def test_every_setting_stands_in_the_docs_as_it_is():
    written = SETTINGS.search(TEXTS["studies.md"])
    assert written is not None
    assert written[0].strip() == settings.tables(), "run `make docs`"


def test_every_setting_says_what_it_is():
    rows = [line for line in settings.tables().splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [row for row in rows if row.endswith("|  |")] == []


@each_page
def test_commands_and_targets_exist(name):
    from cluster.cli import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"python search\.py (\w+)", TEXTS[name])) <= commands
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    assert set(re.findall(r"`make ([\w-]+)", TEXTS[name])) <= targets


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_those_of_the_models(name):
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == schema(name), "run `make docs`"


def main() -> None:
    """Writes the tables of settings into docs/studies.md, and the schemas."""
    for name in SCHEMAS:
        (ROOT / "docs" / name).write_text(schema(name), encoding="utf-8")
    page = ROOT / "docs" / "studies.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(SETTINGS.sub(lambda _: f"\n{settings.tables()}\n\n", text), encoding="utf-8")


if __name__ == "__main__":
    main()
