"""Searches to be measured: the quickstart in other sizes, run as a user runs it or by another trainer."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml
from rich.console import Console

from cluster.commands.run import start
from search.record import Record
from search.runs.run_folder import RunFolder
from search.training.trainer import Trainer
from spaces.study_file import read
from tests.conftest import ROOT

SHORT = {"training": {"epochs": 6, "patience": 5}, "asha": {"grace": 2}}
"""What makes a search of the quickstart less than half as long."""
_PATH = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
QUIET_ENV = {"PYTHONPATH": _PATH, "TF_CPP_MIN_LOG_LEVEL": "3"}


def quickstart(folder: Path, **changes: object) -> Path:
    """Writes the quickstart, one worker per core, with changes; returns the study's path."""
    folder.mkdir(parents=True, exist_ok=True)
    study = {"preset": "quickstart", "database": "none", "resources": {"workers": cores()}, **changes}
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def at(stamp: str | None) -> float:
    """Seconds since 1970 of a record's time."""
    if stamp is None:
        raise ValueError("a trial that a worker began has a time, but this one has none")
    return datetime.fromisoformat(stamp).timestamp()


def ran(records: list[Record]) -> list[Record]:
    """The trials that a worker began and finished, in the order in which they began."""
    found = [record for record in records if record.started_at and record.state != "failed"]
    return sorted(found, key=lambda record: at(record.started_at))


@dataclass(frozen=True)
class Searched:
    """A finished search.

    Args:
        folder: the run.
        launched: when the command was given, in seconds since 1970.
        startup_s: from the command to the start of the first trial.
        wall_s: from there until the last record stood in its file.
    """

    folder: RunFolder
    launched: float
    startup_s: float
    wall_s: float


def searched(study: Path, name: str, environment: Mapping[str, str] | None = None) -> Searched:
    """Runs a study by the command line, in a process of its own; its run lies beside the study.

    Args:
        study: its file.
        name: of the run.
        environment: what is added to that of this process.
    """
    launched = time.time()
    command = [sys.executable, str(ROOT / "search.py"), "run", study.name, "--name", name]
    ended = subprocess.run(
        [*command, "--address", "local"],
        cwd=study.parent,
        env={**os.environ, **QUIET_ENV, **(environment or {})},
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        raise RuntimeError(ended.stderr.strip()[-300:])
    folder = RunFolder(study.parent / "runs" / name)
    began = at(ran(folder.records())[0].started_at)
    last = max(path.stat().st_mtime for path in (folder.path / "records").glob("*.json"))
    return Searched(folder, launched, began - launched, last - began)


def run_here(study: Path, name: str, trainer: Trainer) -> RunFolder:
    """Runs a study in this process, its trials by another trainer; its run lies beside the study."""
    console = Console(quiet=True)
    return start(read(study), study.parent, study.parent / "runs", name, "local", console, trainer)
