"""The hook of .pre-commit-hooks.yaml, in a git repository of somebody else."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
WRONG = "import keras\nm = keras.Sequential([\n    keras.layers.Dense(1, activation='softmax'),\n])\n"
FINDS = "wrong.py:3:5: error HS101 softmax-over-one-unit"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def theirs(tmp_path):
    """A repository with programs, wrong and good, and a file that is none."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "wrong.py").write_text(WRONG)
    (folder / "good.py").write_text("x = 1\n")
    (folder / "notes.txt").write_text(WRONG)
    git(folder, "add", ".")
    return folder


def test_the_hook_is_run_as_pre_commit_runs_a_script(theirs):
    """The entry lies in this project, is run where their files are, and gets those that fit as arguments."""
    assert HOOK["language"] == "script"
    script, *arguments = HOOK["entry"].split()
    assert os.access(ROOT / script, os.X_OK)
    files = [name for name in git(theirs, "ls-files").splitlines() if re.search(HOOK["files"], name)]
    assert files == ["good.py", "wrong.py"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(*files):
        command = [ROOT / script, *arguments, *files]
        return subprocess.run(
            command, cwd=theirs, capture_output=True, text=True, env={**os.environ, "PATH": path}
        )

    done = run(*files)
    assert done.returncode == 1, done.stderr
    assert FINDS in done.stdout
    assert run("good.py").returncode == 0


def test_pre_commit_runs_it(theirs, tmp_path):
    program = shutil.which(
        "pre-commit", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None:
        pytest.skip("needs pre-commit")
    ours = tmp_path / "ours"
    ours.mkdir()
    for name in ("spaces", "audit", "search", "reports", "cluster"):
        shutil.copytree(ROOT / name, ours / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("search.py", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, ours)
    git(ours, "init", "-q")
    git(ours, "add", ".")
    git(ours, "commit", "-qm", "ours")
    repo = {"repo": f"file://{ours}", "rev": git(ours, "rev-parse", "HEAD"), "hooks": [{"id": HOOK["id"]}]}
    (theirs / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [repo]}))
    git(theirs, "add", ".")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PRE_COMMIT_HOME": str(tmp_path / "home")}

    def run():
        return subprocess.run([program, "run"], cwd=theirs, env=env, capture_output=True, text=True)

    done = run()
    assert done.returncode == 1, done.stderr
    assert FINDS in done.stdout
    assert "1 finding in 1 of 2 files" in done.stdout
    (theirs / "wrong.py").write_text(WRONG.replace("softmax", "sigmoid"))
    git(theirs, "add", ".")
    done = run()
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout
