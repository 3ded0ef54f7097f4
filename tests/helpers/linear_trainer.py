"""A trainer without Keras for every task: least squares on what the head encodes. Workers import it."""

import os
import time

import numpy as np

from search.data.trial_data import TrialData
from search.record import Ask
from search.training.steering_metrics import steer_of
from search.training.trainer import Trained
from spaces.study import Study


def logits_of(x, weights: np.ndarray) -> np.ndarray:
    """Logits `(n, k)` of rows."""
    flat = np.asarray(x[:], np.float64).reshape(len(x), -1)
    return (np.column_stack([flat, np.ones(len(flat))]) @ weights).astype(np.float32)


def linear_scores(config, weights, x) -> np.ndarray:
    """Raw scores of rows by the weights that `linear_trainer` found."""
    return config.made_head.score(logits_of(x, weights[0]))


class LeastSquares:
    """A session, see `search.training.trainer.Session`: it has one epoch."""

    device, precision, together, finished = "cpu", "float64", None, True

    def __init__(self, ask: Ask, study: Study, data: TrialData) -> None:
        self._config, self._study, self._data = ask.config, study, data
        flat = np.asarray(data.x_train[:], np.float64).reshape(len(data.x_train), -1)
        flat = np.column_stack([flat, np.ones(len(flat))])
        targets = self._config.made_head.encode(data.y_train).astype(np.float64)
        self._weights = np.linalg.lstsq(flat, targets, rcond=None)[0]

    def advance(self, epochs: int) -> None:
        """Takes the time that `numpy_trainer` takes for an epoch: training is over."""
        time.sleep(float(os.environ.get("HEADSEARCH_TEST_EPOCH_S", "0")))

    def best(self) -> Trained:
        raw = linear_scores(self._config, [self._weights], self._data.x_validation)
        steer = steer_of(self._config.task, self._study.objective.steer)
        value = steer(self._data.y_validation, raw)
        return Trained(
            raw=raw,
            weights=[self._weights],
            epochs=1,
            best_epoch=1,
            steering_value=value,
            history=((0.0, value, 0.0),),
            proof=0.0,
        )


def linear_trainer(ask: Ask, study: Study, data: TrialData) -> LeastSquares:
    """Starts a session."""
    return LeastSquares(ask, study, data)
