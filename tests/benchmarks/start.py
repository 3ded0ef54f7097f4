"""The start of a search, over that of its libraries: `python -m tests.benchmarks.start [--full]`.

Each round runs the quickstart until its first trained trial has begun, on data that were prepared before, and
then a process that imports TensorFlow and starts a Ray of its own, which any search by Ray Tune and Keras
does. Two starts are told: that of the first trial, a baseline without Keras, and that of the first that
trains a network.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from search.runs.run_folder import RunFolder
from search.runs.start_times import StartTimes
from tests.benchmarks.results import Result, Target, paired, shown
from tests.benchmarks.studies import QUIET_ENV, quickstart
from tests.conftest import ROOT

PATIENCE_S = 300
FLOOR = "import tensorflow, ray; ray.init(address='local', include_dashboard=False, log_to_driver=False)"


def starts_s(study: Path, name: str) -> tuple[float, float]:
    """Runs a study until a network is trained.

    Returns:
        Seconds from the command to the first trial's start, and to that of the first that trains a network.
    """
    launched, run = time.time(), RunFolder(study.parent / "runs" / name)
    command = [
        sys.executable,
        str(ROOT / "search.py"),
        "run",
        study.name,
        "--name",
        name,
        "--address",
        "local",
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=study.parent, env={**os.environ, **QUIET_ENV}, stdout=said, stderr=said
        )
        try:
            while process.poll() is None and time.time() < launched + PATIENCE_S:
                began = StartTimes(run.log.parent).read() if run.log.parent.is_dir() else {}
                trained = {ask.trial_id for ask in run.asks() if ask.kind != "baseline"} if began else set()
                if found := sorted(at.timestamp() for trial, at in began.items() if trial in trained):
                    return min(at.timestamp() for at in began.values()) - launched, found[0] - launched
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
        said.seek(0)
        raise RuntimeError(f"no trial began: {said.read().decode(errors='replace').strip()[-300:]}")


def floor_s() -> float:
    """Imports TensorFlow and starts a Ray in a process of its own; returns the seconds until it is up."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", f"{FLOOR}; print('up', flush=True); ray.shutdown()"],
        env={**os.environ, **QUIET_ENV},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"up\n":
            raise RuntimeError("the floor did not start")
        return time.monotonic() - began


def results(full: bool = False) -> Iterator[Result]:
    """Runs the quickstart's start and the floor in turn."""
    with tempfile.TemporaryDirectory() as scratch:
        study = quickstart(Path(scratch), database="sqlite")
        starts_s(study, "first")  # makes and prepares the data
        rounds = 7 if full else 3
        trained: list[float] = []

        def ours() -> float:
            first, later = starts_s(study, f"round-{len(trained)}")
            trained.append(later)
            return first

        pairs = list(paired(rounds, ours, floor_s))
    theirs = tuple(floor for _, floor in pairs)
    yield Result(
        what="from the command to the first trial's start, quickstart",
        ours=tuple(first for first, _ in pairs),
        unit="s",
        against="`import tensorflow` and `ray.init` in one process",
        theirs=theirs,
        target=Target(limit=6),
        note="the first trial is a baseline, which needs no Keras; data prepared before",
    )
    yield Result(
        what="from the command to the first trained trial's start, quickstart",
        ours=tuple(trained),
        unit="s",
        against="`import tensorflow` and `ray.init` in one process",
        theirs=theirs,
        note="from there its worker imports Keras",
    )


if __name__ == "__main__":
    shown(results)
