"""The baselines of K classes, K labels and a number: what knows only the labels, and a linear model."""

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import READ_BYTES, blocks
from search.data.shards import Inputs
from search.data.trial_data import TrialData
from spaces.errors import TrialError
from spaces.tasks import TaskName

Scores = Callable[[TrialData, int], NDArray[np.float32]]
VALUES_FITTED = 14_000_000
"""Linear models are fitted on at most so many input values (rows x values per row), drawn at random."""


def flat(x: NDArray[Any]) -> NDArray[np.float32]:
    """Returns inputs as `(n, values)`."""
    return x.reshape(len(x), -1).astype(np.float32)


def drawn(data: TrialData, seed: int) -> NDArray[np.int64]:
    """Draws the numbers of the training rows that a linear model is fitted on."""
    per_row = int(np.prod(data.x_train.shape[1:]))
    return np.random.default_rng(seed).permutation(len(data.y_train))[: max(2, VALUES_FITTED // per_row)]


def _everywhere(score: NDArray[np.float64], data: TrialData) -> NDArray[np.float32]:
    return np.broadcast_to(score, (len(data.y_validation), *score.shape)).astype(np.float32)


def _centred(score: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(score - score.mean(axis=-1, keepdims=True))


def _prior_of_classes(data: TrialData, seed: int) -> NDArray[np.float32]:
    counts = np.bincount(data.y_train)
    return _everywhere(_centred(np.log(counts / counts.sum())), data)


def _prior_of_labels(data: TrialData, seed: int) -> NDArray[np.float32]:
    share = data.y_train.mean(axis=0)
    return _everywhere(np.log(share) - np.log1p(-share), data)


def _mean(data: TrialData, seed: int) -> NDArray[np.float32]:
    return _everywhere(np.asarray(data.y_train.mean()), data)


def _fitted(model: Any, data: TrialData, taken: NDArray[np.int64], y: NDArray[Any]) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    made = make_pipeline(StandardScaler(), model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 100 steps are enough for a baseline
        return made.fit(flat(data.x_train[taken]), y)


def _over(x: Inputs, score: Callable[[NDArray[np.float32]], Any]) -> NDArray[np.float64]:
    return np.concatenate([score(flat(x[part])) for part in blocks(x, READ_BYTES)])


def _logistic_of_classes(data: TrialData, seed: int) -> NDArray[np.float32]:
    from sklearn.linear_model import LogisticRegression

    taken = drawn(data, seed)
    if len(np.unique(data.y_train[taken])) < len(np.unique(data.y_train)):
        raise TrialError(f"logistic regression needs every class, but {len(taken)} drawn rows lack some")
    model = _fitted(LogisticRegression(max_iter=100), data, taken, data.y_train[taken])
    found = _over(data.x_validation, model.decision_function)
    # Of two classes scikit-learn gives the second one's lead alone.
    found = np.stack([-found, found], axis=1) / 2 if found.ndim == 1 else found
    return _centred(found).astype(np.float32)


def _logistic_of_labels(data: TrialData, seed: int) -> NDArray[np.float32]:
    from sklearn.linear_model import LogisticRegression

    taken, columns = drawn(data, seed), []
    for k in range(data.y_train.shape[1]):
        y = data.y_train[taken, k]
        if len(np.unique(y)) < 2:
            raise TrialError(f"logistic regression needs both sides of label {k}, but drawn rows have one")
        model = _fitted(LogisticRegression(max_iter=100), data, taken, y)
        columns.append(_over(data.x_validation, model.decision_function))
    return np.stack(columns, axis=1).astype(np.float32)


def _ridge(data: TrialData, seed: int) -> NDArray[np.float32]:
    from sklearn.linear_model import Ridge

    taken = drawn(data, seed)
    model = _fitted(Ridge(), data, taken, data.y_train[taken])
    return _over(data.x_validation, model.predict).astype(np.float32)


TASK_BASELINES: Mapping[TaskName, Mapping[str, Scores]] = MappingProxyType(
    {
        "classes": {"prevalence": _prior_of_classes, "logistic_regression": _logistic_of_classes},
        "labels": {"prevalence": _prior_of_labels, "logistic_regression": _logistic_of_labels},
        "number": {"mean": _mean, "ridge_regression": _ridge},
    }
)
"""The baselines of other tasks than binary, by name: data and seed -> raw scores of the validation rows."""
