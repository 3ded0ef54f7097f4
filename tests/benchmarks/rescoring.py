"""How long `rescore` takes: `python -m tests.benchmarks.rescoring [trials] [rows] [patients]`.

Makes up a run with Platt's calibration, 2,000 trials of 30,000 scores in 40 patients, and lets the command
write ten leaderboards; 0 patients are rows without groups. Wall and CPU seconds, since others may load the
machine, and what the parts of it cost for one trial.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from reports.boards.leaderboard import Board
from reports.boards.rescoring import read_policy
from search.evaluation.binary import calibration_of
from search.evaluation.binary_rescoring import BinaryRescoring
from search.events.scoring import EVENT_METRICS
from search.record import Estimate
from search.runs.run_folder import RunFolder
from search.scores.calibration import Calibration, fit_platt
from search.scores.crossfit_sweep import cross_fits
from search.scores.half_splits import draw_halves
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS
from search.scores.ranking import ranked
from search.scores.reference import Reference
from search.trials.trial import record
from spaces.study import Study
from tests.benchmarks.results import Result, Target
from tests.helpers.scored_runs import FACTS, ask, begin

POLICIES = [
    "max_f1",
    "max_f1,beta=2",
    "max_f1,beta=0.5",
    "youden",
    "max_balanced_accuracy",
    "cost",
    "cost,c_fn=10",
    "precision_at_recall,recall=0.9",
    "recall_at_precision,precision=0.6",
    "fixed,at=0.3",
]
ROOT = Path(__file__).parents[2]


def made_up(path: Path, trials: int, n: int, patients: int) -> RunFolder:
    """A run of trials from useless to good, a tenth of the rows positive."""
    rng = np.random.default_rng(0)
    y = rng.random(n) < 0.1
    groups = np.sort(rng.integers(0, patients, n)).astype(str) if patients else None
    of = Reference(y.astype(np.int8), groups, None, None, draw_halves(y, groups, None, 0))
    study = Study()
    folder = begin(path, study, of)
    unknown = Estimate(value=0.5, low=0.4, high=0.6)
    names = (*METRICS, *RANKING_METRICS, *EVENT_METRICS, *PROBABILITY_METRICS)
    for number in range(trials):
        raw = np.float32(rng.normal(size=n) * rng.uniform(0.5, 3) + rng.uniform(0, 6) * y - 1)
        fit = fit_platt(y, raw)
        folder.write_scores(f"{number:05d}", raw, fit.calibration.apply(raw))
        made = record(
            ask(number),
            study,
            FACTS,
            state="completed",
            value=0.5,
            threshold_score=0.0,
            threshold=0.5,
            calibration_a=fit.calibration.a,
            calibration_b=fit.calibration.b,
            calibration_note=fit.reason,
            metrics=dict.fromkeys(names, unknown),
            cross_fit_by=of.halves.by,
            device="cpu",
            train_s=1.0,
        )
        folder.write_record(made)
    return folder


def parts(folder: RunFolder, trials: int) -> None:
    """Prints milliseconds of CPU for a trial, part by part, in one process."""
    study, of = folder.study(), folder.reference()
    policies = [read_policy(text) for text in POLICIES]
    ids = folder.trial_ids()[:: max(1, len(folder.trial_ids()) // trials)]
    spent: dict[str, float] = {}

    def timed(name: str, call: Callable[[], Any]) -> Any:
        began = time.process_time()
        found = call()
        spent[name] = spent.get(name, 0.0) + time.process_time() - began
        return found

    rescoring, board, positive = BinaryRescoring(of, study, policies), Board(), of.y == 1
    for trial_id in ids:
        made = timed("record", lambda trial_id=trial_id: folder.record(trial_id))
        raw = timed("scores", lambda trial_id=trial_id: folder.raw_scores(trial_id))
        rows = timed("sort", lambda raw=raw: ranked(raw))
        whole = Calibration(made.calibration_a, made.calibration_b)
        common = {"method": "platt", "whole": None if made.calibration_note else whole}

        def cross_fit(some: list[Any], raw: Any = raw, rows: Any = rows, common: Any = common) -> list[float]:
            return cross_fits(raw, positive, rows, of.halves, calibration_of(study), some, "f1", **common)

        timed("cross-fit of nine", lambda cross_fit=cross_fit: cross_fit(policies[:-1]))
        timed("cross-fit of all", lambda cross_fit=cross_fit: cross_fit(policies))
        found = timed("all of it", lambda made=made, raw=raw: rescoring.of(made, raw))
        timed("rows", lambda found=found: [board.add(one) for one in found] and board.rows())
    print("ms of CPU a trial:", ", ".join(f"{name} {s / len(ids) * 1000:.1f}" for name, s in spent.items()))


def timed(folder: RunFolder, policies: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of the command."""
    arguments = [word for policy in policies for word in ("--policy", policy)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "search.py", "rescore", str(folder.path), *arguments],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def results(full: bool = False) -> Iterator[Result]:
    """Ten policies over 2,000 trials."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = made_up(Path(scratch) / "run", 2000, 30_000, 40)
        took = [timed(folder, POLICIES) for _ in range(3 if full else 1)]
    cpu = " and ".join(f"{cpu:.0f}" for _, cpu in took)
    yield Result(
        what="`rescore` with ten policies, 2,000 trials x 30,000 scores",
        ours=tuple(wall for wall, _ in took),
        unit="s",
        target=Target(limit=30),
        note=f"{cpu} s of CPU time",
    )


def main(trials: int = 2000, rows: int = 30_000, patients: int = 40) -> None:
    """Makes the run, measures, and prints."""
    with tempfile.TemporaryDirectory() as scratch:
        began = time.perf_counter()
        folder = made_up(Path(scratch) / "run", trials, rows, patients)
        made_s = time.perf_counter() - began
        print(f"{trials} trials x {rows} scores, {patients} patients: made in {made_s:.0f} s")
        parts(folder, 40)
        for some in (POLICIES, POLICIES[:-1], POLICIES[:1]):
            wall, cpu = timed(folder, some)
            print(f"rescore with {len(some)} policies: {wall:.1f} s wall, {cpu:.1f} s user+sys", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
