"""How a search grows with its windows and its workers: `python -m tests.benchmarks.scaling [--full]`.

With trials it is measured by `tests/benchmarks/growth.py`. Each is an exponent, the slope in logarithms: 1
where twice as much takes twice as long, or where twice as many workers finish twice as many trials.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

from search.data import store
from search.data.plan import Form, Piece, Plan
from search.data.rows import Labels
from search.data.trial_data import TrialData
from search.networks.trunks import author_config
from search.record import Ask
from search.training.trainer import Session
from search.trials import preparation
from spaces.study import Study
from spaces.study_file import parse
from tests.benchmarks import spans
from tests.benchmarks.growth import NoOp
from tests.benchmarks.results import Result, grown, shown
from tests.benchmarks.spans import Span
from tests.benchmarks.studies import quickstart, run_here
from tests.helpers.driving import write_study

SHAPE, PIECE, GROUPS = (32, 9, 19), 1000, 25
WINDOWS = (1000, 5000, 20_000, 50_000, 150_000)
"""The last two, 1.1 and 3.3 GB, are left to the full run."""
SLEEP_S = 3.0
TRIALS_EACH = 10
"""Trials per worker."""
SLEEPERS, MOST_SLEEPERS = (2, 8), (16, 32)
ONE_CONFIGURATION = {
    "heads": {"sigmoid": ["bce"]},
    "learning_rate": 1e-3,
    "optimizer": "adam",
    "batch_size": 64,
    "class_weight": "none",
    "hidden_layers": "none",
    "label_smoothing": 0,
    "dropout": 0,
}


def pieces(windows: int) -> Iterator[Piece]:
    """Rows of noise that can be learnt, no two of the first 250,000 alike, 1,000 at a time; quick to make."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((PIECE, *SHAPE), np.float32)
    y = (rng.random(windows) < 0.3).astype(np.int8)
    group = np.array([f"g{k * GROUPS // windows:02d}" for k in range(windows)])
    for start in range(0, windows, PIECE):
        taken = slice(start, start + PIECE)
        shift = (np.float32(1e-6 * start) + y[taken].astype(np.float32) / 4)[:, None, None, None]
        yield Piece(
            form=Form(Labels(0, 1), "eeg"), x=noise[: len(y[taken])] + shift, y=y[taken], groups=group[taken]
        )


def data_times(windows: int) -> tuple[float, float]:
    """Seconds to prepare so many windows, and of one epoch on their training part, scores included."""
    from search.training.training import Training

    study = parse({"trunk": {"name": "seizure_cnn", "width": 0.125}, "training": {"epochs": 2}})
    root = Path(tempfile.mkdtemp())
    try:
        began = time.perf_counter()
        plan = Plan(read=pieces, jobs=(windows,), fingerprint="")
        data = preparation.divided(study, store.prepare(plan, "rows", root)).trial_data()
        prepared_s = time.perf_counter() - began
        session = Training(author_config(study), study.training, study.objective.steer, data, seed=0)
        session.advance(1)  # compiles
        began = time.perf_counter()
        session.advance(2)
        return prepared_s, time.perf_counter() - began
    finally:
        shutil.rmtree(root)


class Sleeper(NoOp):
    """A session that takes a while and no processor."""

    def advance(self, epochs: int) -> None:
        time.sleep(SLEEP_S)
        super().advance(epochs)


def sleeping_trainer(ask: Ask, study: Study, data: TrialData) -> Session:
    """Starts a session; workers note their spans, since they import `spans` with this."""
    return Sleeper(ask, data)


def throughput(found: Sequence[Span], workers: int) -> float:
    """Trials finished per second once every worker has finished one, until no new one is begun.

    Args:
        found: the spans of a search without halving: one for each trial.
        workers: how many there are; one that never finished a trial makes it 0.
    """
    rungs = [span for span in found if span.what == spans.RUNG]
    firsts: dict[int, float] = {}
    for span in rungs:
        firsts[span.pid] = min(span.ended, firsts.get(span.pid, span.ended))
    since, until = max(firsts.values()), max(span.began for span in rungs)
    if len(firsts) < workers or until <= since:
        return 0.0
    return sum(since < span.ended <= until for span in rungs) / (until - since)


def sleepers(workers: int) -> float:
    """Trials per second of workers that sleep, on as many logical processors."""
    import ray

    with tempfile.TemporaryDirectory() as scratch, _noted(Path(scratch)) as path:
        changes = {"budget": {"trials": TRIALS_EACH * workers}, "resources": {"workers": workers}}
        study = write_study(Path(scratch), {**changes, "database": "none"}, rows=240)
        with patch.object(ray, "init", partial(ray.init, num_cpus=workers)):
            run_here(study, "sleep", sleeping_trainer)
        return throughput(spans.read(path), workers)


def trainers(workers: int) -> float:
    """Trials per second of workers that train, all the same configuration."""
    with tempfile.TemporaryDirectory() as scratch, _noted(Path(scratch)) as path:
        study = quickstart(
            Path(scratch),
            space=ONE_CONFIGURATION,
            training={"epochs": 3},
            asha={"enabled": False},
            budget={"trials": TRIALS_EACH * workers},
            resources={"workers": workers},
        )
        run_here(study, "train", spans.timed_trainer)
        return throughput([span for span in spans.read(path) if span.number > 1], workers)


@contextmanager
def _noted(scratch: Path) -> Iterator[Path]:
    """Names the file that workers write their spans to; yields it."""
    path = scratch / "spans.jsonl"
    with patch.dict(os.environ, {spans.FILE: str(path)}):
        yield path


def results(full: bool = False) -> Iterator[Result]:
    """Workers first, which need the memory; then windows, for which Keras is imported here."""
    of = "trials per second at so many"
    yield grown("trials per second against workers that train", (1, 2), [trainers(1), trainers(2)], of)
    asleep = (*SLEEPERS, *MOST_SLEEPERS) if full else SLEEPERS
    rates = [sleepers(workers) for workers in asleep]
    yield grown(f"trials per second against workers whose trials sleep {SLEEP_S:g} s", asleep, rates, of)
    from search.networks import backend

    backend.start(1)
    backend.import_keras()
    windows = WINDOWS if full else WINDOWS[:-2]
    times = [data_times(count) for count in windows]
    yield grown("seconds of preparation against windows", windows, [a for a, _ in times], "s at so many")
    yield grown("seconds of an epoch against windows", windows, [b for _, b in times], "s at so many")


if __name__ == "__main__":
    shown(results)
