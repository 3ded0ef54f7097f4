"""What `leaderboard` takes over many trials, as a whole process.

`python -m tests.benchmarks.leaderboard`. Its floor is a process that does nothing but ask DuckDB for
the ten best rows of the same file, in turn with it.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reports.boards.columns import SCHEMA
from tests.benchmarks.results import Result, Target, paired, shown
from tests.conftest import ROOT

TRIALS = 100_000
FLOOR = """
import sys, duckdb
print(duckdb.sql(f"select rank, trial_id, head, value from '{sys.argv[1]}' order by rank limit 10"))
"""
WORDS = {
    "kind": ["search"],
    "state": ["completed", "stopped"],
    "head": ["sigmoid", "softmax", "margin"],
    "loss": ["bce", "cce", "hinge"],
    "objective": ["f1"],
    "cross_fit_by": ["group"],
    "groups": ["known"],
    "data_digest": ["d" * 64],
    "code_digest": ["c" * 64],
    "event_scoring": [None],
    "error": [None],
}


def board(trials: int) -> pa.Table:
    """A leaderboard of so many rows of plausible content, ranked."""
    rng = np.random.default_rng(0)
    value = np.sort(rng.random(trials))[::-1]
    columns = {}
    for field in SCHEMA:
        if pa.types.is_floating(field.type):
            made = value if field.name == "value" else rng.random(trials)
        elif pa.types.is_integer(field.type):
            made = np.arange(1, trials + 1) if field.name == "rank" else rng.integers(100, size=trials)
        elif pa.types.is_boolean(field.type):
            made = np.zeros(trials, bool)
        elif field.name == "trial_id":
            made = [f"{number:05d}" for number in rng.permutation(trials)]
        elif field.name == "params":
            made = [
                f'{{"head": "sigmoid", "learning_rate": {rate!r}}}' for rate in rng.random(trials).tolist()
            ]
        else:
            words = WORDS.get(field.name, ["adam", "none", "platt"])
            made = [words[k] for k in rng.integers(len(words), size=trials)]
        columns[field.name] = pa.array(made, field.type)
    return pa.table(columns, schema=SCHEMA)


def seconds(command: list[str]) -> float:
    """Wall time of a process, from its start to its end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - began


def results(full: bool = False) -> Iterator[Result]:
    """Times both, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leaderboard.parquet"
        pq.write_table(board(TRIALS), path)
        ours = [sys.executable, str(ROOT / "search.py"), "leaderboard", folder, "--format", "table"]
        floor = [sys.executable, "-c", FLOOR, str(path)]
        size_mb = path.stat().st_size / 1e6
        rounds = list(paired(11 if full else 7, lambda: seconds(ours), lambda: seconds(floor)))
    yield Result(
        what=f"`leaderboard` over {TRIALS:,} trials, whole process",
        ours=tuple(mine for mine, _ in rounds),
        unit="s",
        against="DuckDB alone on the same file",
        theirs=tuple(their for _, their in rounds),
        target=Target(limit=1.5),
        note=f"{size_mb:.0f} MB",
    )


if __name__ == "__main__":
    shown(results)
