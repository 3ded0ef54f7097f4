"""Memory of a worker's own on a set of 3 GB, minus the same on 3 MB: `python -m tests.benchmarks.private`.

Anonymous memory, which leaves out mapped files; the largest of the trial workers', baselines included. Needs
9 GB of disk and 4 GB of memory.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml

from tests.benchmarks.memory import watched
from tests.benchmarks.results import Result, Target, shown
from tests.benchmarks.studies import QUIET_ENV
from tests.conftest import ROOT

SHAPE, GROUPS = (32, 9, 19), 25
ROW_BYTES = 4 * int(np.prod(SHAPE))
SMALL_BYTES, LARGE_BYTES = 3_000_000, 3_000_000_000
STUDY = {
    "name": "memory",
    "data": {"source": "npz", "path": "data.npz", "group": "group"},
    "trunk": {"name": "seizure_cnn", "width": 0.125},
    "training": {"epochs": 1},
    "asha": {"enabled": False},
    "budget": {"trials": 4},
    "resources": {"workers": 2},
    "database": "none",
}


def write(folder: Path, size_bytes: int) -> None:
    """Writes rows of noise, learnable in one value, and a study of them."""
    rows = size_bytes // ROW_BYTES // GROUPS * GROUPS
    rng = np.random.default_rng(0)
    y = (rng.random(rows) < 0.3).astype(np.int8)
    x = rng.standard_normal((rows, *SHAPE), np.float32)
    x[:, 0, 0, 0] += 3 * y
    np.savez(
        folder / "data.npz", X=x, y=y, group=np.repeat([f"g{k:02d}" for k in range(GROUPS)], rows // GROUPS)
    )
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")


def worker_mb(size_bytes: int) -> float:
    """The largest anonymous memory of a worker while a study of so many bytes runs."""
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch), size_bytes)
        peaks = watched(
            [sys.executable, str(ROOT / "search.py"), "run", "study.yaml", "--address", "local"],
            cwd=scratch,
            env={**os.environ, **QUIET_ENV},
            stdout=subprocess.DEVNULL,
        )
    if peaks.code:
        raise RuntimeError(f"the search ended with exit code {peaks.code}")
    return peaks.worker_anonymous / 1e6


def results(full: bool = False) -> Iterator[Result]:
    """One run on each."""
    large, small = worker_mb(LARGE_BYTES), worker_mb(SMALL_BYTES)
    yield Result(
        what="private memory of a worker on a set of 3 GB, minus the same on 3 MB",
        ours=(large - small,),
        unit="MB",
        target=Target(limit=150),
        note=f"{large:.0f} MB minus {small:.0f} MB",
    )


if __name__ == "__main__":
    shown(results)
