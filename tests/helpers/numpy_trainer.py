"""A trainer without Keras: logistic regression by gradient descent, which can be told to misbehave.

Workers import it by name, and read what they are told from the environment:
`HEADSEARCH_TEST_EPOCH_S` seconds that an epoch takes at least; `HEADSEARCH_TEST_FAULTS` what goes wrong in
which trial, such as `3=raise 4=nan *=raise`, see `Descent.advance`; `HEADSEARCH_TEST_STARTS` a file that gets
a line with the trial's number whenever one is begun.
"""

import ctypes
import os
import signal
import threading
import time

import numpy as np

from search.data.trial_data import TrialData
from search.record import Ask
from search.scores.metrics import RANKING_METRICS
from search.training.trainer import Trained
from spaces.study import Study

STEPS = 10
"""Steps of gradient descent in an epoch."""
MOST_EATEN = 4 << 30
"""Bytes that a trial told to eat memory takes at most: the machine belongs to others, too."""


def fault_of(number: int) -> str:
    """Returns what is to go wrong in a trial; an empty text for nothing."""
    words = os.environ.get("HEADSEARCH_TEST_FAULTS", "").split()
    faults = dict(word.split("=") for word in words)
    return faults.get(str(number), faults.get("*", ""))


class Descent:
    """A session, see `search.training.trainer.Session`."""

    device = "cpu"
    precision = "float64"
    together = None

    def __init__(self, ask: Ask, study: Study, data: TrialData) -> None:
        note_start(ask.number)
        self._number = ask.number
        self._fault = fault_of(ask.number)
        self._rules, self._metric = study.training, RANKING_METRICS[study.objective.steer]
        self._x, self._x_validation = (
            np.concatenate([x[:].reshape(len(x), -1), np.ones((len(x), 1))], axis=1)
            for x in (data.x_train, data.x_validation)
        )
        self._y, self._y_validation = data.y_train, data.y_validation
        self._rate = 20 * ask.config.learning_rate
        self._weights = np.random.default_rng(ask.seed).normal(size=self._x.shape[1])
        self._history: list[tuple[float, float, float]] = []
        self._best: tuple[float, int, np.ndarray] | None = None

    @property
    def finished(self) -> bool:
        return len(self._history) >= self._rules.epochs

    def advance(self, epochs: int) -> None:
        if self._fault == "raise":
            raise ValueError(f"told to fail\nin two lines, at {time.time()}")
        match self._fault:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "segfault":
                ctypes.string_at(0)
            case "hang":
                while True:
                    time.sleep(0.1)
            case "hang_in_c":
                ctypes.PyDLL(None).sleep(3600)  # the interpreter's lock is held meanwhile
            case "eat":
                eat()
            case "late":  # about when this trial ends and the next one begins; not when it starts again
                if starts().count(str(self._number)) == 1:
                    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGKILL)).start()
        while len(self._history) < min(epochs, self._rules.epochs):
            self._train_epoch()

    def _train_epoch(self) -> None:
        time.sleep(float(os.environ.get("HEADSEARCH_TEST_EPOCH_S", "0")))
        for _ in range(STEPS):
            p = 1 / (1 + np.exp(-self._x @ self._weights))
            self._weights = self._weights - self._rate * self._x.T @ (p - self._y) / len(self._y)
        z = self._x @ self._weights
        loss = float(np.mean(np.logaddexp(0, z) - self._y * z))
        value = self._metric(self._y_validation, self._raw(self._weights))
        self._history.append((loss, value, self._rate))
        if self._best is None or value > self._best[0]:
            self._best = value, len(self._history), self._weights

    def _raw(self, weights: np.ndarray) -> np.ndarray:
        return (self._x_validation @ weights).astype(np.float32)

    def best(self) -> Trained:
        value, epoch, weights = self._best
        raw = self._raw(weights)
        return Trained(
            raw=np.full_like(raw, np.nan) if self._fault == "nan" else raw,
            weights=[weights],
            epochs=len(self._history),
            best_epoch=epoch,
            steering_value=value,
            history=tuple(self._history),
            proof=0.0,
        )


def eat() -> None:
    """Takes memory, and holds it, until somebody ends this process."""
    kept = []
    while (64 << 20) * len(kept) < MOST_EATEN:
        kept.append(np.ones(8 << 20))
        time.sleep(0.02)
    time.sleep(3600)


def note_start(number: int) -> None:
    """Notes that a trial was begun; one short write, so that lines of two workers never mix."""
    if path := os.environ.get("HEADSEARCH_TEST_STARTS"):
        with open(path, "ab", buffering=0) as file:
            file.write(f"{number}\n".encode())


def starts() -> list[str]:
    """Returns the numbers of the trials that were begun."""
    with open(os.environ["HEADSEARCH_TEST_STARTS"]) as file:
        return file.read().split()


def numpy_trainer(ask: Ask, study: Study, data: TrialData) -> Descent:
    """Starts a session."""
    return Descent(ask, study, data)
