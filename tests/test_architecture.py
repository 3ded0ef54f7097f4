"""The shape of the project, read from its files: who imports whom, what is loaded late, how long it is."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from reports.boards import leaderboard
from tests.conftest import ROOT
from tests.helpers.records import record

PACKAGES = {
    "spaces": (),
    "audit": ("spaces",),
    "search": ("spaces",),
    "reports": ("spaces", "search"),
    "cluster": ("spaces", "audit", "search", "reports"),
}
"""From below to above: of each package the others that it may import."""
KERAS = {"keras", "tensorflow", "jax", "tf2onnx"}
RAY = {"ray"}
FILES = sorted(path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
FILE_OF = {".".join(path.with_suffix("").parts): path for path in FILES}
"""The file of each module."""
SCRIPT = Path("search.py")
ENTRIES = {SCRIPT: {"cluster"}, Path("headsearch.py"): {"cluster", "spaces"}}
"""What people start or import, and what each imports."""
FOLDERS = sorted({path.parent for path in FILES})
ROOMS: dict[str, tuple[str, ...]] = {
    "search.nouns": (),
    "search.data": ("search.nouns",),
    "search.data.sources.eeg": ("search.data",),
    "search.data.sources": ("search.nouns", "search.data", "search.data.sources.eeg"),
    "search.scores": ("search.data",),
    "search.scores.multiclass": ("search.scores",),
    "search.scores.multilabel": ("search.scores", "search.scores.multiclass"),
    "search.events": ("search.nouns", "search.data", "search.scores"),
    "search.networks": ("search.nouns", "search.data", "search.data.sources"),
    "search.runs.database": ("search.nouns",),
    "search.runs": ("search.nouns", "search.data", "search.scores"),
    "search.hosts": ("search.nouns", "search.data", "search.data.sources", "search.networks"),
    "search.evaluation": (
        "search.nouns",
        "search.scores",
        "search.scores.multiclass",
        "search.scores.multilabel",
        "search.events",
    ),
    "search.training": (
        "search.nouns",
        "search.data",
        "search.scores",
        "search.scores.multiclass",
        "search.scores.multilabel",
        "search.networks",
    ),
    "search.fused": ("search.nouns", "search.data", "search.networks", "search.hosts", "search.training"),
    "search.trials": (
        "search.nouns",
        "search.data",
        "search.data.sources",
        "search.scores",
        "search.events",
        "search.networks",
        "search.runs",
        "search.hosts",
        "search.evaluation",
        "search.training",
        "search.fused",
    ),
    "search.comparison": ("search.nouns", "search.scores", "search.events", "search.evaluation"),
    "search.tuning": (
        "search.nouns",
        "search.data",
        "search.scores",
        "search.networks",
        "search.hosts",
        "search.training",
        "search.fused",
        "search.trials",
    ),
    "reports.boards": (),
    "reports.page": ("reports.boards",),
    "reports.bundles": ("reports.boards",),
    "reports.decisions": ("reports.boards", "reports.bundles"),
    "cluster": (),
    "cluster.commands": ("cluster",),
}
"""Of each room, from below to above, the other rooms of its package that it may import from."""
COMMANDED = {Path(f"cluster/{name}.py") for name in ("cli", "api", "notebook_run")}
"""The command line and what a notebook calls enter all commands."""
each_file = pytest.mark.parametrize("path", [*FILES, *ENTRIES], ids=str)


def names(node: ast.AST) -> list[str]:
    """The modules that one import statement names; `from package import x` may mean the module package.x."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


@cache
def text_of(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


@cache
def imports(path: Path, *, late: bool) -> set[str]:
    """The modules that a file imports when it is loaded; with `late`, also later, inside functions."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            found.update(names(child))
            if late or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                visit(child)

    visit(tree_of(path))
    return found


def tops(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def loaded_with(path: Path) -> set[str]:
    """Everything that comes along when a file is loaded: its imports, theirs, and so on."""
    seen, todo, found = {path}, [path], set()
    while todo:
        for module in imports(todo.pop(), late=False):
            found.add(module)
            file = FILE_OF.get(module)
            if file is not None and file not in seen:
                seen.add(file)
                todo.append(file)
    return found


def test_there_is_something_to_read():
    assert {path.parts[0] for path in FILES} == set(PACKAGES)
    assert "keras" in tops(imports(Path("search/training/training.py"), late=False))
    assert "spaces.study_file" in imports(Path("cluster/cli.py"), late=True)
    assert "spaces.study_file" not in imports(Path("cluster/cli.py"), late=False)
    assert "ray" in tops(imports(Path("cluster/connection.py"), late=True))


@each_file
def test_imports_go_one_way(path):
    """spaces <- search <- reports <- cluster <- search.py and headsearch.py; audit lies beside search."""
    used = tops(imports(path, late=True)) & {*PACKAGES, "tests"}
    if path in ENTRIES:
        assert used == ENTRIES[path]
    else:
        assert used <= {path.parts[0], *PACKAGES[path.parts[0]]}


@each_file
def test_keras_stays_under_search_and_ray_under_search_and_cluster(path):
    used = tops(imports(path, late=True))
    assert path.parts[0] == "search" or not used & KERAS
    assert path.parts[0] in ("search", "cluster") or not used & RAY


@each_file
def test_nothing_heavy_comes_along_unasked(path):
    """Only files of `search` load Keras or Ray with themselves; others import such files inside functions."""
    heavy = tops(loaded_with(path)) & (KERAS | RAY)
    assert path.parts[0] == "search" or not heavy
    assert path.parts[0] not in ("spaces", "audit") or not tops(loaded_with(path)) & {
        "optuna",
        "pyarrow",
        "sklearn",
        "duckdb",
    }


@each_file
def test_a_file_is_short(path):
    assert len(text_of(path).splitlines()) <= 400


def room_of(path: Path) -> str:
    """The folder that a file lies in, as a module; in search/ the files that lie in no room are its nouns."""
    return "search.nouns" if path.parent == Path("search") else ".".join(path.parent.parts)


@cache
def arrows() -> set[tuple[Path, Path]]:
    """Who imports whom, at whatever place, under whatever condition."""
    found = set()
    for path in FILES:
        for module in imports(path, late=True):
            file = FILE_OF.get(module)
            if file is not None and file != path:
                found.add((path, file))
    return found


@each_file
def test_rooms_are_entered_one_way(path):
    for importer, imported in arrows():
        if importer != path or importer.parts[0] != imported.parts[0]:
            continue
        room, other = room_of(importer), room_of(imported)
        if path in COMMANDED:
            continue
        assert room == other or other in ROOMS[room], f"{importer} must not import {imported}"


def test_every_room_is_there_and_none_enters_a_room_above_it():
    there = {room_of(path) for path in FILES if path.name != "__init__.py"} - {"spaces", "audit"}
    assert there == ROOMS.keys()
    seen: set[str] = set()
    for room, enters in ROOMS.items():
        assert set(enters) <= seen, f"{room} enters a room that stands after it"
        seen.add(room)


def test_no_modules_import_each_other_in_a_circle():
    imported: dict[Path, set[Path]] = {path: set() for path in FILES}
    for importer, file in arrows():
        imported[importer].add(file)
    left = dict(imported)
    while ends := [path for path, files in left.items() if not files & left.keys()]:
        for path in ends:
            del left[path]
    assert not left, f"in circles, or above one: {sorted(map(str, left))}"


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_an_init_is_a_docstring_that_says_what_lives_there(folder):
    text = (ROOT / folder / "__init__.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(tree.body) == 1
    said = (ast.get_docstring(tree) or "").splitlines()
    assert said[0].endswith(".")
    if len(folder.parts) > 1:  # a room: what lives here, what to take from it, what it may import
        assert said[2].startswith("Take from it: ")
        assert said[3].startswith(f"Imports from `{folder.parts[0]}`: ")
        modules = {
            path.stem: (ROOT / path).read_text(encoding="utf-8") for path in FILES if path.parent == folder
        }
        for taken in re.findall(r"`([\w.]+)`", said[2]):
            module, _, name = taken.rpartition(".")
            texts = [modules[module]] if module else [*modules.values()]
            found = taken in modules or any(
                re.search(rf"^(def|class) {name}\b", text, re.M) for text in texts
            )
            assert found, f"{folder} has no {taken} to take"


def test_every_dependency_names_who_needs_it():
    """By files that are there; what only the tests need names a folder or a make target."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r'^    "([^"]+)",(.*)$', text.partition("[tool.ruff]")[0], flags=re.M)
    assert len(listed) > 30
    for name, comment in listed:
        told = comment.strip().partition(": ")[2]
        assert told, f"{name} lacks a comment '# who needs it: what for'"
        for path in re.findall(r"[\w/]+\.py", comment):
            assert (ROOT / path).is_file(), f"{name} is said to be needed by {path}, which is not there"


def test_git_ignores_no_file_of_ours():
    """A folder of code may be called as one of what a search writes: `runs`."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a checkout")
    ours = [str(path) for path in FILES] + [str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.py")]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=ROOT,
        input="\n".join(ours),
        capture_output=True,
        text=True,
    )
    assert ignored.stdout == ""


@each_file
def test_asserts_are_for_tests_alone(path):
    assert not [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["leaderboard", "run"],
        ["leaderboard", "run", "--where", "value > .5", "--format", "json"],
        ["spaces"],
        ["run", "refused.yaml"],
    ],
    ids=" ".join,
)
def test_reading_and_refusing_needs_neither_tensorflow_nor_ray(tmp_path, arguments):
    (tmp_path / "run").mkdir()
    leaderboard.write(tmp_path / "run" / "leaderboard.parquet", [record(0, value=0.4), record(1, value=0.8)])
    (tmp_path / "refused.yaml").write_text("space: {heads: {softmax_1: bce}}\n")
    # The entry as it is run, in an interpreter that tells at its end what it has loaded.
    program = (
        "import atexit, json, runpy, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        f"sys.argv[0] = {str(ROOT / SCRIPT)!r}\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == (2 if "refused.yaml" in arguments else 0), ended.stderr
    loaded = tops(set(json.loads(ended.stderr.splitlines()[-1])))
    assert "cluster" in loaded
    assert not loaded & (KERAS | RAY | {"optuna", "sklearn"})
    if arguments[0] == "leaderboard":
        assert ended.stdout.index("00001") < (ended.stdout + "00000").index("00000")
