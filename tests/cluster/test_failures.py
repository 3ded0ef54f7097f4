"""What goes wrong outside of the program is one line that says what and where, and an exit code."""

import errno
import sys
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.failures import explained
from reports.boards import leaderboard
from search.runs.run_folder import RunFolder
from spaces.errors import RunError
from tests.helpers.driving import write_study
from tests.helpers.pages import made
from tests.helpers.records import record


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def said(capsys, *arguments: str) -> tuple[int, str]:
    """The exit code of a command that fails, and its one line."""
    code = main(list(arguments))
    (line,) = capsys.readouterr().err.splitlines()
    assert "Traceback" not in line
    return code, line.removeprefix("search.py: ")


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return made(tmp_path / "toy", 8, quick=True)


def test_a_file_where_the_folder_of_all_runs_should_be(capsys, tmp_path):
    study = write_study(tmp_path)
    Path("runs").write_text("a file")
    code, line = said(capsys, "run", str(study))
    assert code == 2
    assert line == "every part of a path but the last must be a folder, but got 'runs/toy': Not a directory"


def test_a_file_where_a_bundle_should_be(capsys, run):
    (run.path / "file").write_text("a file")
    code, line = said(capsys, "promote", "toy", "--to", "toy/file/bundle")
    assert code == 2
    assert "toy/file" in line


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs Linux's /sys, where nobody may write")
def test_a_folder_that_cannot_be_written_to(capsys, run):
    code, line = said(capsys, "report", "toy", "--out", "/sys/kernel/page.html")
    assert code == 2
    assert line.startswith("a place must be open to this user, but got '/sys/kernel/.page.html")


@pytest.mark.parametrize("more", [[], ["--format", "json"], ["--where", "value > 0"], ["--sort", "val_f1"]])
def test_a_leaderboard_that_does_not_decompress(capsys, more):
    path = Path("leaderboard.parquet")
    leaderboard.write(path, [record(number, value=0.4) for number in range(1, 60)])
    content = bytearray(path.read_bytes())
    for place in range(4, 60):
        content[place] ^= 0x5A
    path.write_bytes(content)
    code, line = said(capsys, "leaderboard", ".", *more)
    assert code == 1
    assert line.startswith("a leaderboard must read back, but leaderboard.parquet does not: ")
    assert line.endswith("; resume the run: it is made again from the records")


@pytest.mark.parametrize("text", ["made: 2024-13-45", f"seed: {'9' * 5000}", f"a: {'[' * 3000}{']' * 3000}"])
def test_a_damaged_study_beside_a_leaderboard(capsys, run, text):
    """Dates that are none, integers without end and lists without end are errors of Python, not of YAML."""
    leaderboard.write(Path("leaderboard.parquet"), run.records())
    run.study_file.write_text(text)
    assert main(["leaderboard", "toy", ".", "--format", "csv"]) == 0
    assert main(["leaderboard", "toy", "--format", "csv"]) == 0
    capsys.readouterr()
    code, line = said(capsys, "leaderboard", "toy", "toy", "--diff")
    assert code == 1
    assert "toy/study.yaml" in line


def test_a_package_that_is_missing(capsys, monkeypatch):
    leaderboard.write(Path("leaderboard.parquet"), [record(1, value=0.4)])
    monkeypatch.setitem(sys.modules, "duckdb", None)  # as Python marks a module that is not there
    code, line = said(capsys, "leaderboard", ".")
    assert code == 2
    assert line == (
        f"this Python ({sys.executable}) lacks duckdb; use the one that `make search` sets up: "
        "source .venv/bin/activate"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.npz", "a link must lead to a file or folder, but got"),
        ("a\\0b.npz", "a path must hold no null byte, but got: embedded null byte"),
        ("~nobody-of-that-name/a.npz", "a path that begins with ~ must name a user of this host, but got: "),
    ],
)
def test_a_path_that_python_tells_of_in_words_alone(capsys, path, message):
    Path("a.npz").symlink_to("a.npz")
    Path("study.yaml").write_text(f'data: {{source: npz, path: "{path}"}}')
    code, line = said(capsys, "describe", "study.yaml")
    assert code == 2
    assert line.startswith(message)


def test_an_exit_of_somebody_elses_code_ends_no_command_as_done(capsys, monkeypatch):
    monkeypatch.setattr("cluster.commands.status.status", lambda _: sys.exit(0))
    code, line = said(capsys, "status", "toy")
    assert (code, line) == (1, "SystemExit: 0 (-v for more)")


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (RunError("as it says", exit_code=1), "as it says", 1),
        (KeyboardInterrupt(), "interrupted", 1),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/a"),
            "a file could not be read or written: 'runs/a': No space left on device (-v for more)",
            1,
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "a"),
            "a place that is written to must not be read-only, but got 'a': Read-only file system",
            2,
        ),
        (
            OSError(errno.EISDIR, "Is a directory", "a", None, "b"),
            "where a file is needed no folder may stand, but got 'a' to 'b': Is a directory",
            2,
        ),
        (
            OSError(errno.EPERM, "Operation not permitted"),
            "a file could not be read or written: Operation not permitted (-v for more)",
            1,
        ),
        (MemoryError(), "the memory of this host is not enough: none is left (-v for more)", 1),
        (
            ModuleNotFoundError("No module named 'search.x'", name="search.x"),
            "ModuleNotFoundError: No module named 'search.x' (-v for more)",
            1,
        ),
        (
            OSError(errno.ELOOP, "Too many levels of symbolic links", "a"),
            "a link must lead to a file or folder, but got 'a': Too many levels of symbolic links",
            2,
        ),
        (ValueError("odd"), "ValueError: odd (-v for more)", 1),
        (SystemExit(0), "SystemExit: 0 (-v for more)", 1),
        (OSError("broken\nbeyond repair"), "OSError: broken beyond repair (-v for more)", 1),
    ],
    ids=repr,
)
def test_each_kind_of_error_has_its_line_and_its_code(error, line, code):
    assert explained(error) == (line, code)
