"""What one trial costs the driver as a run grows: `python -m tests.benchmarks.growth [TRIALS [WORKERS]]`.

Trials that train nothing, with everything else real: Ray, Optuna, records, scores, weights, leaderboard. At
100, 1,000 and 10,000 trials it prints, over the last 100 trials: wall time per trial; the driver's CPU time
per trial, with and without what the sampler took; how long a worker that asks waits for its configuration,
and what the sampler took to draw it (median and 95th percentile); the driver's memory. As a part of
`make bench` the sampler draws at random, so that bookkeeping is all of the wall time per trial.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from cluster.progress import Progress
from search.data.trial_data import TrialData
from search.record import Ask
from search.training.trainer import Trained
from search.tuning import history
from search.tuning.history import History
from search.tuning.searcher import HeadSearcher
from spaces.study import Study
from tests.benchmarks.memory import memory
from tests.benchmarks.results import Result, Target, grown
from tests.benchmarks.studies import run_here
from tests.helpers.driving import write_study

LAST = 100
"""Trials that a measurement looks back on."""
COUNTED = (10, 30, 100, 300, 1000, 3000, 10_000)
"""Trials at which a search's wall time so far is taken."""


class NoOp:
    """A `search.training.trainer.Session` that scores at random, a little better the higher the rate."""

    device, precision, together = "cpu", "float32", None

    def __init__(self, ask: Ask, data: TrialData) -> None:
        self._seed, self._y = ask.seed, data.y_validation
        self._skill = 1.0 if ask.config is None else 1 + np.log10(ask.config.learning_rate) / 8
        self.finished = False

    def advance(self, epochs: int) -> None:
        self.finished = True

    def best(self) -> Trained:
        rng = np.random.default_rng(self._seed)
        raw = (rng.normal(size=len(self._y)) + self._skill * self._y).astype(np.float32)
        steered = float(self._skill + rng.normal() / 10)
        return Trained(
            raw=raw, weights=[raw[:8]], epochs=1, best_epoch=1, steering_value=steered,
            history=((0.5, steered, 0.1),), proof=0.0,
        )  # fmt: skip


def no_op_trainer(ask: Ask, study: Study, data: TrialData) -> NoOp:
    """Starts a session."""
    return NoOp(ask, data)


class Clock:
    """Notes when trials end, and what suggestions cost, by wrapping the driver's own functions meanwhile.

    Args:
        points: after so many trials it prints what they cost.
    """

    def __init__(self, points: tuple[int, ...] = ()) -> None:
        self._points, self._sampling_s, self._waits, self._draws = points, 0.0, [], []
        self._ended = [self._now()]
        self._started_s: float | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "Clock":
        started, recorded = Progress.on_start, Progress.on_record

        def on_start(progress: Progress, trial_id: str) -> None:
            started(progress, trial_id)
            self._started_s = self._started_s or time.perf_counter()

        def on_record(progress: Progress, finished: Any) -> None:
            recorded(progress, finished)
            self._ended.append(self._now())
            if len(self._ended) - 1 in self._points:
                self._show(len(self._ended) - 1)

        for owner, name, new in (
            (HeadSearcher, "suggest", self._timed(HeadSearcher.suggest, self._waits)),
            (History, "draw", self._timed(History.draw, self._draws, sampler=True)),
            (History, "end", self._timed(History.end, [], sampler=True)),
            (Progress, "on_start", on_start),
            (Progress, "on_record", on_record),
        ):
            self._stack.enter_context(patch.object(owner, name, new))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def wall_s(self, trials: int) -> float:
        """Seconds from the first trial's start until so many had ended."""
        return self._ended[trials][0] - (self._started_s or 0.0)

    def bookkeeping_s(self, last: int) -> tuple[float, float]:
        """Means of the 100 trials up to number `last`: wall time, and the driver's CPU time."""
        wall, cpu, _ = np.diff(np.array(self._ended[last - LAST : last + 1]), axis=0).mean(axis=0)
        return wall, cpu

    def _now(self) -> tuple[float, float, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return time.perf_counter(), used.ru_utime + used.ru_stime, self._sampling_s

    def _timed(self, call: Any, into: list[float], *, sampler: bool = False) -> Any:
        def timed(*arguments: Any) -> Any:
            began, cpu = time.perf_counter(), time.thread_time()
            found = call(*arguments)
            if found is not None:  # "not now" is no answer
                into.append(time.perf_counter() - began)
            if sampler:
                self._sampling_s += time.thread_time() - cpu
            return found

        return timed

    def _show(self, trials: int) -> None:
        last = np.array(self._ended[-LAST - 1 :])
        wall, cpu, sampling = np.diff(last, axis=0).T * 1000
        text = Path("/proc/self/status").read_text()
        rss = int(text.partition("VmRSS:")[2].split()[0]) / 1024
        pss = memory(int(text.partition("\nPid:")[2].split()[0]))[0] / 2**20
        waits, draws = (np.array(times[-LAST:]) * 1000 for times in (self._waits, self._draws))
        print(
            f"{trials:>6} trials: wall {wall.mean():.1f} ms a trial (median {np.median(wall):.1f}); "
            f"driver CPU {cpu.mean():.1f}, sampler {sampling.mean():.1f}, "
            f"without it {cpu.mean() - sampling.mean():.1f}; "
            f"wait {np.median(waits):.1f} (p95 {np.percentile(waits, 95):.1f}); "
            f"draw {np.median(draws):.1f} (p95 {np.percentile(draws, 95):.1f}); "
            f"RSS {rss:.0f} MB, PSS {pss:.0f} MB",
            flush=True,
        )


def no_ops(folder: Path, trials: int, workers: int, clock: Clock) -> None:
    """Runs so many trials that train nothing."""
    path = write_study(
        folder,
        {"budget": {"trials": trials}, "resources": {"workers": workers}, "database": "none"},
        rows=240,
    )
    with clock:
        run_here(path, "no-ops", no_op_trainer)


def results(full: bool = False) -> Iterator[Result]:
    """1,000 trials twice; in full 10,000, once."""
    clocks, trials = [], 10_000 if full else 1000
    for _ in range(1 if full else 2):
        with tempfile.TemporaryDirectory() as scratch, patch.object(history, "STARTUP_TRIALS", sys.maxsize):
            clocks.append(Clock())
            no_ops(Path(scratch), trials, 2, clocks[-1])
    cpu = 1000 * np.mean([clock.bookkeeping_s(200)[1] for clock in clocks])
    yield Result(
        what="bookkeeping per no-op trial, 200 trials, drawn at random",
        ours=tuple(clock.bookkeeping_s(200)[0] for clock in clocks),
        unit="s",
        target=Target(limit=0.1),
        note=f"wall time, two workers; {cpu:.0f} ms of it the driver's CPU time",
    )
    yield Result(
        what=f"bookkeeping per no-op trial at {trials:,} trials",
        ours=tuple(clock.bookkeeping_s(trials)[0] for clock in clocks),
        unit="s",
        against="at 100",
        # From 50 to 150: the first trials of a search wait for the second worker.
        theirs=tuple(clock.bookkeeping_s(150)[0] for clock in clocks),
        target=Target(limit=2, of="ratio"),
        note="" if full else "10,000 in `make bench-full`",
    )
    counted = [count for count in COUNTED if count <= trials]
    walls = [float(np.mean([clock.wall_s(count) for clock in clocks])) for count in counted]
    yield grown("wall time of a search against its trials", counted, walls, "s at so many no-op trials")


def main(trials: int = 10_000, workers: int = 2) -> None:
    """Runs the trials and prints what they cost."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        clock = Clock((100, 200, 500, 1000, 2000, 3000, 5000, 7000, trials))
        no_ops(Path(scratch), trials, workers, clock)
    print(f"{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
