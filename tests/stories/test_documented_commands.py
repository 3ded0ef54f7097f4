"""Every command in README and docs is run as it stands there, page by page, on one small study."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from cluster.cli import main
from tests.conftest import ROOT
from tests.helpers import driving, last_layers, predictions
from tests.test_docs import TEXTS, blocks
from tests.two_hosts import walk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ELSEWHERE = {
    "make search": "tests/stories/test_quickstart.py runs what it runs",
    "source .venv/bin/activate": "a shell's own",
    "python search.py predict bundle new_recordings/ --out windows.parquet": "test_eeg_study.py, beside this",
    "python search.py watch runs/seizure": "it ends with Ctrl-C: tests/cluster/commands/test_watch.py",
}
"""Commands that no test types here, and why."""
APART = {"run", "resume", "verify", "reproduce", "--seeds"}
"""What trains does so in processes of its own."""


def commands(name: str) -> list[str]:
    """The commands of a page: the lines of its blocks without a language, but for what a command printed."""
    lines = [line.split("  #")[0].strip() for block in blocks(name, "") for line in block.splitlines()]
    return [
        line for line in lines if line.startswith(("python ", "ray ", "make ", "source ", "ssh", "(umask"))
    ]


@pytest.fixture(scope="module")
def home(keras, tmp_path_factory) -> Path:
    """A folder with what the pages name: a study, its rows, a model, and new rows."""
    folder = tmp_path_factory.mktemp("documented")
    study = driving.write_study(
        folder,
        {
            "name": "seizure",
            "data": {"source": "npz", "path": "windows.npz", "group": "group", "positive": "seizure"},
            "training": {"epochs": 2},
            "budget": {"trials": 3},
        },
        labels=("background", "seizure"),
    )
    study.rename(folder / "my.yaml")
    shutil.move(folder / "data.npz", folder / "windows.npz")
    predictions.write(folder / "predictions.csv")
    last_layers.save(folder, last_layers.dense(1, "sigmoid"), loss="binary_crossentropy")
    np.savez(folder / "new.npz", X=np.load(folder / "windows.npz")["X"][:5])
    return folder


def test_every_command_of_every_page_works(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    runs_first = sorted(TEXTS, key=lambda name: name not in ("README.md", "runs.md"))
    typed = [line for name in runs_first for line in commands(name)]
    ours = [line for line in dict.fromkeys(typed) if line.startswith("python search.py ")]
    assert len(ours) > 20
    for line in ours:
        if line in ELSEWHERE:
            continue
        arguments = shlex.split(line)[2:]
        if APART & set(arguments):
            script = [sys.executable, str(ROOT / "search.py"), *arguments]
            done = subprocess.run(script, capture_output=True, text=True, check=False)
            code, said = done.returncode, done.stdout + done.stderr
        else:
            code, said = main(arguments), capsys.readouterr().err
        assert code == 0, f"{line}: {said}"
    for made in (
        "bundle",
        "sensitive",
        "by_hand",
        "decided/decision/decision.onnx",
        "two_rules/leaderboard_cost__c_fn-10.parquet",
        "decided_by_hand/decision.yaml",
        "judged/decision/model.onnx",
        "judged_by_hand/model.keras",
        "judged_predictions.parquet",
        "predictions.parquet",
        "seizure.html",
        "runs/seizure/verify",
    ):
        assert (home / made).exists()
    assert yaml.safe_load((home / "runs/seizure/study.yaml").read_text())["budget"]["trials"] == 6


def test_what_is_not_run_here_is_run_elsewhere_or_said_not_to_be():
    """Lines of a cluster are those that tests/two_hosts types, word for word."""
    walked = {line for block in walk.blocks() for line in block}
    for page in TEXTS:
        for line in commands(page):
            if line.startswith(("ray ", "ssh", "(umask")):
                assert line in walked, f"{page}: {line}"
            elif not line.startswith("python search.py "):
                assert line in ELSEWHERE, f"{page}: {line}"
