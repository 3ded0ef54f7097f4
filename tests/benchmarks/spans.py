"""What a worker did when: a trainer that does as Keras' does and notes how long everything took.

Workers import this by name, and write a line per span to the file named by `HEADSEARCH_BENCH_SPANS`.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search.data.trial_data import TrialData
from search.networks import backend
from search.record import Ask
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Session, Trained, Trainer
from search.trials import baselines, trial
from spaces.study import Study

FILE = "HEADSEARCH_BENCH_SPANS"
RUNG, IMPORT, BUILD, FIT, EVALUATE, MEASURE = "rung", "import", "build", "fit", "evaluate", "measure"
"""All of what a worker does for one rung; in it: importing Keras, making the network, `fit` with the steering
by validation scores after every epoch, the best epoch's scores with the proof of their decode (Keras'
`evaluate`), and thresholds, calibration and intervals."""


@dataclass(frozen=True)
class Span:
    """A stretch of a worker's time, in seconds since 1970; `number` is that of the trial."""

    pid: int
    number: int
    what: str
    began: float
    ended: float


def read(path: Path) -> list[Span]:
    """Reads what workers wrote."""
    return [Span(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


@contextmanager
def noted(number: int, what: str) -> Iterator[None]:
    """Notes how long the block takes."""
    began = time.time()
    try:
        yield
    finally:
        line = json.dumps(asdict(Span(os.getpid(), number, what, began, time.time()))) + "\n"
        with open(os.environ[FILE], "ab", buffering=0) as file:  # one short write: lines never mix
            file.write(line.encode())


class Timed:
    """A session that notes what another one takes."""

    def __init__(self, start: Trainer, ask: Ask, study: Study, data: TrialData) -> None:
        self._number = ask.number
        with noted(ask.number, BUILD):
            self._session: Session = start(ask, study, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def advance(self, epochs: int) -> None:
        with noted(self._number, FIT):
            self._session.advance(epochs)

    def best(self) -> Trained:
        with noted(self._number, EVALUATE):
            return self._session.best()


def timed_trainer(ask: Ask, study: Study, data: TrialData) -> Session:
    """As `keras_trainer`, noting everything."""
    with noted(ask.number, IMPORT):
        backend.import_keras()
        import search.training.training  # noqa: F401
    return Timed(keras_trainer, ask, study, data)


def _watch() -> None:
    """Notes what the worker does around a session, too, baselines included."""
    to_next_rung, measure, start = trial.Trial.to_next_rung, trial.evaluate, baselines.start
    current: list[int] = [0]

    def watched(self: trial.Trial) -> trial.Finished:
        current[0] = self._ask.number
        with noted(self._ask.number, RUNG):
            return to_next_rung(self)

    def measured(*arguments: Any, **more: Any) -> Any:
        with noted(current[0], MEASURE):
            return measure(*arguments, **more)

    trial.Trial.to_next_rung = watched
    trial.evaluate = measured
    baselines.start = _timed(start)


def _timed(start: Callable[[Ask, Study, TrialData], Session]) -> Trainer:
    return lambda ask, study, data: Timed(start, ask, study, data)


if FILE in os.environ:
    _watch()
