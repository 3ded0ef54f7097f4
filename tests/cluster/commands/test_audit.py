"""The command `audit`: lines for people and forms for tools, its exit codes, and how little it loads."""

import json
import resource
import shutil
import subprocess
import sys

import pytest

from cluster.cli import main
from tests.conftest import ROOT

WRONG = "import keras\nm = keras.Sequential([\n    keras.layers.Dense(1, activation='softmax'),\n])\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_text("x = 1\n")
    (tmp_path / "wrong.py").write_text(WRONG)
    return tmp_path


def test_people_read_file_line_code_and_fix(home, capsys):
    assert main(["audit", "wrong.py", "good.py"]) == 1
    said = capsys.readouterr().out
    assert said.startswith(
        "wrong.py:3:5: error HS101 softmax-over-one-unit\n    keras.layers.Dense(1, activation='softmax'),\n"
    )
    assert "softmax over one unit is the constant 1" in said
    assert "\n  fix: " in said
    assert "1 finding in 1 of 2 files (1 error)" in said
    assert "docs/audit.md has a page on each rule" in said


def test_exit_codes(home, capsys):
    assert main(["audit", "good.py"]) == 0
    assert capsys.readouterr().out == "no findings in 1 file\n"
    (home / "broken.py").write_text("x = (")
    assert main(["audit", "good.py", "wrong.py", "broken.py", "old.h5"]) == 2
    said = capsys.readouterr().out
    assert "broken.py: is not Python" in said
    assert "'(' was never closed" in said
    assert "old.h5: is HDF5, which is not read here" in said
    assert "2 files could not be read" in said
    assert main(["audit", "nowhere"]) == 2
    assert "a file to audit must be one of .py, .ipynb, .keras" in capsys.readouterr().out
    (home / "empty").mkdir()
    assert main(["audit", "empty"]) == 2
    assert "a folder must hold .py, .ipynb, .keras files" in capsys.readouterr().err
    assert main(["audit"]) == 2
    assert "Missing argument 'FILE...'" in capsys.readouterr().err


def test_what_is_not_followed_is_counted_or_listed(home, capsys):
    (home / "good.py").write_text("x = 1  # headsearch: ignore[HS1]\n")
    assert main(["audit", "good.py"]) == 0
    assert "1 thing could not be followed (--unknown lists them)" in capsys.readouterr().out
    assert main(["audit", "good.py", "--unknown"]) == 0
    said = capsys.readouterr().out
    assert "good.py: not followed: line 1: the comment ignores 'HS1', which is no rule" in said


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_forms_for_tools_are_alone_on_the_output(home, capsys, form):
    assert main(["audit", ".", "--format", form]) == 1
    held = json.loads(capsys.readouterr().out)
    assert (held["findings"] if form == "json" else held["runs"][0]["results"]) != []
    assert main(["audit", "good.py", "--format", form]) == 0
    json.loads(capsys.readouterr().out)


def test_github_gets_a_command_for_each_finding(home, capsys):
    assert main(["audit", ".", "--format", "github"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("::error file=wrong.py,line=3,col=5,title=HS101 softmax-over-one-unit::")
    assert main(["audit", "good.py", "--format", "github"]) == 0
    assert capsys.readouterr().out == ""


def test_names_and_code_are_shown_and_obeyed_by_nobody(home, capsys):
    name = "[red]a\x1b[2J\n.py"
    (home / name).write_text("x = Dense(1, activation='softmax')  # [bold]\x1b[2J\n")
    assert main(["audit", name]) == 1
    said = capsys.readouterr().out
    assert "[red]a\\x1b[2J\\n.py:1:5: error HS101" in said
    assert "# [bold]\\x1b[2J\n" in said
    assert "\x1b" not in said


def test_twenty_files_take_half_a_second_and_no_tensorflow(home):
    """The whole process, as a hook starts it, in seconds of processor: the best of three."""
    for k in range(20):
        shutil.copy(home / "wrong.py", home / f"copy_{k}.py")
    program = (
        "import atexit, runpy, sys\n"
        "atexit.register(lambda: print(*(n.partition('.')[0] for n in sys.modules), file=sys.stderr))\n"
        f"sys.argv[0] = {str(ROOT / 'search.py')!r}\nsys.path.insert(0, {str(ROOT)!r})\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        files = [f"copy_{k}.py" for k in range(20)]
        done = subprocess.run(
            [sys.executable, "-c", program, "audit", *files], capture_output=True, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 1, done.stderr
        assert "20 findings in 20 of 20 files" in done.stdout
        loaded = set(done.stderr.strip().splitlines()[-1].split())
        assert not loaded & {"tensorflow", "keras", "ray", "jax", "optuna", "sklearn", "pyarrow", "scipy"}
    assert min(took) < 0.5, took
