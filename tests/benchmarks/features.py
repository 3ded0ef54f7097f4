"""What the feature cache saves: `python -m tests.benchmarks.features [HEADS [PHOTOS]]`.

One study of a frozen MobileNet, with the cache and without, through the real driver and Ray: weights that
nobody published, simulated photos of 96 x 96, width 1/4, ten epochs without halving. All configurations are
drawn at random, so both runs ask for the same. It prints the wall time of both, features and the start of
workers included, their ratio, and how far apart the same trials' scores and values are.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
from rich.console import Console

from cluster.commands.run import start
from search.networks import backend
from search.record import Record
from search.runs.run_folder import RunFolder
from search.tuning import history
from spaces.study_file import read
from tests.benchmarks.results import Result
from tests.helpers import photos

SIDE, EPOCHS = 96, 10


def run(folder: Path, heads: int, n: int, *, cache: bool) -> tuple[RunFolder, float]:
    """Runs the study in a folder; returns the run and its wall time in seconds."""
    path = photos.write_study(
        folder,
        n,
        SIDE,
        training={"epochs": EPOCHS, "patience": EPOCHS, "feature_cache": cache},
        budget={"trials": heads},
        keep={"checkpoints": 1},
        database="none",
    )
    began = time.perf_counter()
    made = start(read(path), folder, folder / "runs", None, "local", Console(file=sys.stdout, width=110))
    return made, time.perf_counter() - began


def compare(one: RunFolder, other: RunFolder) -> str:
    """Says how far apart the same trials of two runs are."""
    theirs = {record.ask.number: record for record in other.records()}
    both: list[tuple[Record, Record]] = [(mine, theirs[mine.ask.number]) for mine in one.records()]
    pairs = [(mine, their) for mine, their in both if mine.ask.config is not None and mine.ask == their.ask]
    pairs = [(mine, their) for mine, their in pairs if mine.state == their.state == "completed"]
    apart, same_bits, values = [], 0, []
    for mine, their in pairs:
        raw, same = one.scores(mine.ask.trial_id)[0], other.scores(their.ask.trial_id)[0]
        apart.append(float(np.abs(raw - same).max() / (1 + np.abs(same).max())))
        same_bits += np.array_equal(raw, same)
        values.append(abs((mine.value or 0) - (their.value or 0)))
    failed = sum(record.state == "failed" for record in [*one.records(), *other.records()])
    return (
        f"{len(pairs)} trials with the same ask, {failed} failed rows in both runs together: scores of "
        f"{same_bits} are equal to the bit, the largest difference is {max(apart):.2g} of the largest score, "
        f"of a value {max(values):.2g}"
    )


def both(heads: int, n: int) -> tuple[Result, str]:
    """Runs the study twice; the result, and what came of it in words."""
    backend.start(1)
    backend.import_keras()  # for the weights; both runs find it loaded
    with tempfile.TemporaryDirectory() as scratch, patch.object(history, "STARTUP_TRIALS", sys.maxsize):
        # The one with the cache first: the other finds the photos prepared.
        cached, with_s = run(Path(scratch), heads, n, cache=True)
        plain, without_s = run(Path(scratch), heads, n, cache=False)
        trained = [sum(record.train_s or 0 for record in run.records()) for run in (cached, plain)]
        same = compare(cached, plain)
    result = Result(
        what=f"frozen MobileNet, {heads} heads, {n} photos",
        ours=(with_s,),
        unit="s",
        against="without the feature cache",
        theirs=(without_s,),
        ratio_of="theirs/ours",
        note=same,
    )
    said = (
        f"{heads} heads, {n} photos of {SIDE} x {SIDE}, {EPOCHS} epochs: {with_s:.0f} s with the cache, "
        f"{without_s:.0f} s without: {without_s / with_s:.1f} times faster; training alone "
        f"{trained[0]:.0f} and {trained[1]:.0f} s: {trained[1] / trained[0]:.1f} times\n{same}"
    )
    return result, said


def results(full: bool) -> Iterator[Result]:
    """One study with the cache and without."""
    yield both(32 if full else 8, 1500)[0]


def main(heads: int = 32, n: int = 1500) -> None:
    """Runs the study twice and prints what came of it."""
    print(both(heads, n)[1])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
