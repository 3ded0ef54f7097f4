"""What one trial costs the driver as a run grows: `python -m tests.benchmarks.growth [TRIALS [WORKERS]]`.

Trials that train nothing, with everything else real: Ray, Optuna, records, scores, weights, leaderboard. At
100, 1,000 and 10,000 trials it prints, over the last 100 trials: wall time per trial; the driver's CPU time
per trial, with and without what the sampler took; how long a worker that asks waits for its configuration,
and what the sampler took to draw it (median and 95th percentile); the driver's memory.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from cluster import runs
from cluster.progress import Progress
from search.history import History
from search.record import Ask
from search.searcher import HeadSearcher
from search.session import Trained, TrialData
from spaces.study import Study
from spaces.study_file import read
from tests.benchmarks.memory import memory
from tests.driving import write_study

LAST = 100
"""Trials that a measurement looks back on."""


class NoOp:
    """A session (see `search.session.Session`) that scores at random, a little better the higher the rate."""

    device, precision = "cpu", "float32"

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
    """Notes when trials end, and what suggestions cost, by wrapping the driver's own functions."""

    def __init__(self, points: tuple[int, ...]) -> None:
        self._points, self._ended, self._sampling_s = points, [self._now()], 0.0
        self._waits: list[float] = []
        self._draws: list[float] = []
        HeadSearcher.suggest = self._timed(HeadSearcher.suggest, self._waits)
        History.draw = self._timed(History.draw, self._draws, sampler=True)
        History.end = self._timed(History.end, [], sampler=True)
        record = Progress.on_record

        def on_record(progress: Progress, finished: Any) -> None:
            record(progress, finished)
            self._ended.append(self._now())
            if len(self._ended) - 1 in self._points:
                self._show(len(self._ended) - 1)

        Progress.on_record = on_record

    def _now(self) -> tuple[float, float, float]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return time.perf_counter(), used.ru_utime + used.ru_stime, getattr(self, "_sampling_s", 0.0)

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


def main(trials: int = 10_000, workers: int = 2) -> None:
    """Runs the trials and prints what they cost."""
    with tempfile.TemporaryDirectory() as scratch:
        path = write_study(
            Path(scratch),
            {"budget": {"trials": trials}, "resources": {"workers": workers}, "database": "none"},
            rows=240,
        )
        Clock((100, 200, 500, 1000, 2000, 3000, 5000, 7000, trials))
        began = time.perf_counter()
        console = Console(quiet=True)
        folder = runs.start(
            read(path), path.parent, Path(scratch) / "runs", None, "local", console, no_op_trainer
        )
        print(f"{len(folder.kept())} kept; {time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
