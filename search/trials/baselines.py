"""The baselines that stand first in every run: prevalence, logistic regression, and an endless alarm."""

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from search.data.rows import READ_BYTES, blocks
from search.data.trial_data import TrialData
from search.evaluation.binary import ALWAYS
from search.events.scoring import EVENT_METRICS
from search.record import Ask
from search.training.steering_metrics import steer_of
from search.training.trainer import Session, Trained
from search.trials.task_baselines import TASK_BASELINES, drawn, flat
from spaces.data import Scores
from spaces.errors import TrialError
from spaces.policies import SensitivityAtFaPerDay
from spaces.study import Study


def prevalence(data: TrialData, seed: int) -> NDArray[np.float32]:
    """Gives every validation row the log-odds of the training prevalence."""
    positives = float(np.mean(data.y_train))
    log_odds = np.log(positives) - np.log1p(-positives)
    return np.full(len(data.y_validation), log_odds, np.float32)


def logistic_regression(data: TrialData, seed: int) -> NDArray[np.float32]:
    """Fits a linear model (L2, C = 1) to standardised, flattened inputs; returns its log-odds."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    taken = drawn(data, seed)
    if len(np.unique(data.y_train[taken])) < 2:
        raise TrialError(f"logistic regression needs both classes, but {len(taken)} drawn rows hold one")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 100 steps are enough for a baseline
        model.fit(flat(data.x_train[taken]), data.y_train[taken])
    x = data.x_validation
    scored = [model.decision_function(flat(x[part])) for part in blocks(x, READ_BYTES)]
    return np.concatenate(scored).astype(np.float32)


def always(data: TrialData, seed: int) -> NDArray[np.float32]:
    """Gives every validation row a score far above any threshold: an alarm that never stops."""
    return np.full(len(data.y_validation), 100, np.float32)


BASELINES: Mapping[str, Callable[[TrialData, int], NDArray[np.float32]]] = MappingProxyType(
    {"prevalence": prevalence, "logistic_regression": logistic_regression, ALWAYS: always}
)
"""Every baseline of a binary task, by name: data and seed -> raw scores of the validation rows."""


def _of(study: Study) -> Mapping[str, Callable[[TrialData, int], NDArray[np.float32]]]:
    return TASK_BASELINES.get(study.task.name, BASELINES)


def trials_of(study: Study) -> int:
    """Returns how many trials a complete run of a study holds, the baselines included."""
    if isinstance(study.data, Scores):
        return len(study.data.score)
    return len(baselines_of(study)) + study.budget.trials


def baselines_of(study: Study) -> tuple[str, ...]:
    """Returns the names of a study's baselines; `always` is one where events are asked for.

    There an alarm that never stops may score better than a detector, by the rules of OVLP above all.
    """
    events = study.objective.metric in EVENT_METRICS or isinstance(study.threshold, SensitivityAtFaPerDay)
    return tuple(name for name in _of(study) if events or name != ALWAYS)


class Baseline:
    """A baseline as a session of no epochs.

    Args:
        ask: names the baseline.
        study: names the steering metric.
        data: the rows.
    """

    device = "cpu"
    precision = None
    together = None
    finished = True

    def __init__(self, ask: Ask, study: Study, data: TrialData) -> None:
        self._ask, self._study, self._data = ask, study, data

    def advance(self, epochs: int) -> None:
        """Does nothing: a baseline has no epochs."""

    def best(self) -> Trained:
        """Fits the baseline and returns its scores."""
        raw = _of(self._study)[str(self._ask.baseline)](self._data, self._ask.seed)
        steer = steer_of(self._study.task, self._study.objective.steer)
        return Trained(
            raw=raw,
            weights=[],
            epochs=0,
            best_epoch=0,
            steering_value=steer(self._data.y_validation, raw),
            history=(),
            proof=None,
        )


def start(ask: Ask, study: Study, data: TrialData) -> Session:
    """Starts a baseline's session."""
    return Baseline(ask, study, data)
