"""What `leaderboard` takes over many trials, as a whole process.

`python -m tests.benchmarks.leaderboard [TRIALS]`. Its floor is a process that does nothing but ask DuckDB for
the ten best rows of the same file, in turn with it.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reports.columns import SCHEMA
from tests.conftest import ROOT

PAIRS = 5
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


def main(trials: int) -> None:
    """Prints medians of both, and the ratio of each pair."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "leaderboard.parquet"
        pq.write_table(board(trials), path)
        ours = [sys.executable, str(ROOT / "search.py"), "leaderboard", folder, "--format", "table"]
        floor = [sys.executable, "-c", FLOOR, str(path)]
        pairs = [(seconds(ours), seconds(floor)) for _ in range(PAIRS)]
        print(f"{trials} rows, {path.stat().st_size / 1e6:.0f} MB, medians of {PAIRS} pairs")
    ratios = [a / b for a, b in pairs]
    print(f"leaderboard {statistics.median(a for a, _ in pairs):.2f} s (target 1.5)")
    print(f"DuckDB alone {statistics.median(b for _, b in pairs):.2f} s")
    print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
