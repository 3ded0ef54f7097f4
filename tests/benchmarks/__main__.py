"""`python -m tests.benchmarks [--full] [--only NAME ...] [--no-log]`: what `make bench` and `bench-full` run.

Every benchmark runs in a process of its own, one after the other; one that fails is a row that says so. In
the end the table is printed and appended to LOG.md, with date, machine and commit.
"""

import argparse
import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console

from tests.benchmarks import machine, marked
from tests.benchmarks.results import Result, collected, from_json, markdown, table
from tests.conftest import ROOT

LOG = Path(__file__).with_name("LOG.md")
PATIENCE = 3
"""A benchmark that takes so many times its minutes is ended."""
MARK = "HEADSEARCH_BENCHMARK"
"""Variable by which the processes of one benchmark are known."""


@dataclass(frozen=True)
class Benchmark:
    """A module of this package with a function `results(full)`.

    Args:
        name: of the module.
        minutes, full_minutes: what it takes on two cores, in `make bench` and in `make bench-full`; 0 where
            it is left out.
        what: what it shows.
    """

    name: str
    minutes: float
    full_minutes: float
    what: str


BENCHMARKS = (
    Benchmark("sweep", 1, 1, "the exact sweep of thresholds, against scikit-learn's curves"),
    Benchmark("event_sweep", 1, 1, "the event counter, against timescoring"),
    Benchmark("leaderboard", 0.5, 0.5, "`leaderboard` over 100,000 trials, against DuckDB alone"),
    Benchmark("rescoring", 1.5, 4, "`rescore`: ten policies over 2,000 trials"),
    Benchmark("decide", 2.5, 8, "`decide` on 1,000,000 rows, against scikit-learn's tuned thresholds"),
    Benchmark("growth", 2.5, 20, "bookkeeping of no-op trials, and how it grows"),
    Benchmark("scaling", 3, 12, "growth with windows and with workers"),
    Benchmark("reuse", 1.5, 5, "memory of a worker over reused trials"),
    Benchmark("busy", 6.5, 20, "how busy workers are with training"),
    Benchmark("start", 1, 3, "from the command to the first trials, against imports and Ray alone"),
    Benchmark("floor", 3, 35, "a search, against the same trials without one"),
    Benchmark("features", 3, 6, "the feature cache of frozen layers, against none"),
    Benchmark("quality", 63, 270, "time to quality and throughput, against the peers"),
    Benchmark("private", 0, 8, "private memory of a worker on 3 GB, against 3 MB"),
)
"""All of them, in the order in which they run."""


def measured(benchmark: Benchmark, full: bool) -> list[Result]:
    """Runs one benchmark in a process of its own; its results, and its failure as one of them."""
    minutes = benchmark.full_minutes if full else benchmark.minutes
    with tempfile.TemporaryDirectory(prefix="headsearch-bench-") as scratch:
        path, said = Path(scratch) / "results.jsonl", Path(scratch) / "said.txt"
        command = [sys.executable, "-m", "tests.benchmarks", "--one", benchmark.name, "--to", str(path)]
        with said.open("w") as file:
            process = subprocess.Popen(
                command + ["--full"] * full,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": scratch, MARK: scratch},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(PATIENCE * minutes * 60)
                error = "" if code == 0 else f"exit code {code}; {last_line(said)}"
            except subprocess.TimeoutExpired:
                error = f"took longer than {PATIENCE * minutes:g} min; {last_line(said)}"
            finally:
                # Also what has a session of its own, such as the searches of `quality`.
                marked.end(MARK, scratch, lambda: True)
                process.wait()
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = [from_json(line) for line in lines]
    return [*found, Result(what=benchmark.what, error=error)] if error else found


def last_line(path: Path) -> str:
    """What a process said last, which for one that failed is its error."""
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "it said nothing"


def block(results: Sequence[Result], full: bool, where: str, minutes: float) -> str:
    """What is appended to the log."""
    name = "bench-full" if full else "bench"
    return (
        f"\n## {date.today()}, `make {name}`\n"
        f"{where}; commit {machine.commit()}; {minutes:.0f} min.\n\n{markdown(results)}"
    )


def main() -> int:
    """Runs the benchmarks that are asked for; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("--full", action="store_true", help="all of them, at their full size")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--no-log", action="store_true", help="leaves LOG.md alone")
    parser.add_argument("--one", choices=names, help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        collected(importlib.import_module(f"tests.benchmarks.{said.one}").results(said.full), said.to)
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    console, results, began, where = Console(), [], time.monotonic(), machine.described()
    for benchmark in BENCHMARKS:
        minutes = benchmark.full_minutes if said.full else benchmark.minutes
        if benchmark.name not in said.only if said.only else not minutes:
            continue
        console.print(f"{benchmark.name}: {benchmark.what} (about {minutes:g} min)", highlight=False)
        for result in measured(benchmark, said.full):
            results.append(result)
            console.print("  " + "; ".join(cell for cell in result.cells() if cell), highlight=False)
    console.print(table(results))
    if not said.no_log:
        with LOG.open("a", encoding="utf-8") as file:
            file.write(block(results, said.full, where, (time.monotonic() - began) / 60))
    return int(any(result.error for result in results))


if __name__ == "__main__":
    sys.exit(main())
