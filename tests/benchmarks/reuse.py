"""Whether a worker grows over 60 or 200 trials trained in it: `python -m tests.benchmarks.reuse [--full]`.

Tiny networks of every head and loss, one worker, which takes them all. Its anonymous memory, without mapped
files, is looked at as each record comes in.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from cluster.progress import Progress
from search.training.keras_trainer import keras_trainer
from tests.benchmarks.memory import memory
from tests.benchmarks.results import Result, Target, shown
from tests.benchmarks.studies import run_here
from tests.helpers import driving

FROM, TO, FULL_TO = 20, 60, 200
"""Trials between which it should not grow; the first ones fill what TensorFlow keeps once and for all."""


def anonymous_mb(trials: int) -> list[float]:
    """The worker's memory after each trial of a search.

    Raises:
        RuntimeError: they were not all trained by one worker.
    """
    found: list[float] = []
    seen: set[int] = set()
    recorded = Progress.on_record

    def on_record(progress: Progress, finished: Any) -> None:
        recorded(progress, finished)
        pids = driving.workers(os.getpid())
        seen.update(pids)
        found.append(max(memory(pid)[1] for pid in pids) / 1e6)

    with tempfile.TemporaryDirectory() as scratch, patch.object(Progress, "on_record", on_record):
        changes = {"budget": {"trials": trials}, "resources": {"workers": 1}, "database": "none"}
        study = driving.write_study(Path(scratch), {**changes, "training": {"epochs": 1}})
        run_here(study, "reuse", keras_trainer)
    if len(seen) != 1:
        raise RuntimeError(f"one worker was to train all trials, but {len(seen)} did")
    return found


def results(full: bool = False) -> Iterator[Result]:
    """60 trials; in full 200."""
    to = FULL_TO if full else TO
    found = anonymous_mb(to)
    slope = np.polyfit(np.arange(FROM, to), found[FROM:to], 1)[0]
    yield Result(
        what=f"anonymous memory of a worker after {to} trials",
        ours=(found[to - 1],),
        unit="MB",
        against=f"after {FROM}",
        theirs=(found[FROM - 1],),
        target=Target(limit=1.1, of="ratio"),
        note=f"{1000 * slope:.0f} kB more per trial between the two (line through all); "
        + ", ".join(f"{found[k - 1]:.0f} MB after {k}" for k in (3, FROM, 50, to)),
    )


if __name__ == "__main__":
    shown(results)
