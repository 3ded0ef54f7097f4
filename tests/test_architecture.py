"""The shape of the project, read from its files: who imports whom, what is loaded late, how long it is."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from reports import leaderboard
from search.record import Ask, Record
from tests.conftest import ROOT
from tests.toys import config

PACKAGES = ("spaces", "search", "reports", "cluster")
"""From below to above: each may import those before it."""
KERAS = {"keras", "tensorflow", "jax", "tf2onnx"}
RAY = {"ray"}
FILES = sorted(path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
SCRIPT = Path("search.py")
each_file = pytest.mark.parametrize("path", [*FILES, SCRIPT], ids=str)


def names(node: ast.AST) -> list[str]:
    """The modules that one import statement names; `from package import x` may mean the module package.x."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        return [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def imports(path: Path, *, late: bool) -> set[str]:
    """The modules that a file imports when it is loaded; with `late`, also later, inside functions."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            found.update(names(child))
            if late or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                visit(child)

    visit(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    return found


def tops(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def loaded_with(path: Path) -> set[str]:
    """Everything that comes along when a file is loaded: its imports, theirs, and so on."""
    seen, todo, found = {path}, [path], set()
    while todo:
        for module in imports(todo.pop(), late=False):
            found.add(module)
            file = Path(*module.split(".")).with_suffix(".py")
            if file in FILES and file not in seen:
                seen.add(file)
                todo.append(file)
    return found


def test_there_is_something_to_read():
    assert {path.parts[0] for path in FILES} == set(PACKAGES)
    assert "keras" in tops(imports(Path("search/training.py"), late=False))
    assert "spaces.study_file" in imports(Path("cluster/commands.py"), late=True)
    assert "spaces.study_file" not in imports(Path("cluster/commands.py"), late=False)
    assert "ray" in tops(imports(Path("cluster/connection.py"), late=True))


@each_file
def test_imports_go_one_way(path):
    """spaces <- search <- reports <- cluster <- search.py, and no other arrow."""
    used = tops(imports(path, late=True)) & {*PACKAGES, "tests"}
    if path == SCRIPT:
        assert used == {"cluster"}
    else:
        allowed = PACKAGES[: PACKAGES.index(path.parts[0]) + 1]
        assert used <= set(allowed)


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
    assert path.parts[0] != "spaces" or not tops(loaded_with(path)) & {
        "optuna",
        "pyarrow",
        "sklearn",
        "duckdb",
    }


@each_file
def test_a_file_is_short(path):
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("package", PACKAGES)
def test_a_packages_init_is_one_docstring(package):
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    assert len(tree.body) == 1
    assert ast.get_docstring(tree)


@each_file
def test_asserts_are_for_tests_alone(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def record(number: int, value: float) -> Record:
    return Record(
        ask=Ask(number=number, kind="search", config=config("sigmoid", "bce"), seed=number),
        state="completed",
        objective="f1",
        value=value,
        steering="average_precision",
        threshold_policy="max_f1",
        calibration="platt",
        train_s=1.0,
        finished_at="2026-01-01T00:00:00.000+00:00",
        device="cpu",
        node="here",
        threads=1,
        groups="known",
        leaky=False,
        cross_fit_by="group",
        data_digest="d",
        code_digest="c",
    )


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
    leaderboard.write(tmp_path / "run" / "leaderboard.parquet", [record(0, 0.4), record(1, 0.8)])
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
