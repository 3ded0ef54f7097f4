"""The baselines of K classes, K labels and a number know what the labels or a line tell, and no more."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from search.record import Ask
from search.training.steering_metrics import STEERS
from search.trials.baselines import baselines_of, start
from spaces.study_file import parse, settled
from spaces.tasks import Task
from tests.helpers.tasks import CLASSES, LABELS, NUMBER, TASKS, task_data


def study_of(task):
    return settled(parse({"data": {"source": "npz", "path": "x.npz"}}), task)


def best(task, name, data=None):
    ask = Ask(number=0, kind="baseline", baseline=name, seed=0)
    return start(ask, study_of(task), data or task_data(task)).best()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_linear_model_beats_what_knows_the_labels_alone(task):
    plain, linear = baselines_of(study_of(task))
    knows_labels, fitted = best(task, plain), best(task, linear)
    assert fitted.steering_value > knows_labels.steering_value
    shape = task_data(task).y_validation.shape if task != CLASSES else (96, 5)
    for found in (knows_labels, fitted):
        assert found.raw.shape == shape
        assert found.raw.dtype == np.float32
    assert (knows_labels.raw == knows_labels.raw[0]).all()


def test_priors_are_the_shares_of_the_training_rows():
    data = task_data(CLASSES)
    p = np.exp(best(CLASSES, "prevalence").raw[0].astype(float))
    np.testing.assert_allclose(p / p.sum(), np.bincount(data.y_train) / len(data.y_train), rtol=1e-5)
    odds = best(LABELS, "prevalence").raw[0]
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), task_data(LABELS).y_train.mean(axis=0), rtol=1e-5)
    assert best(NUMBER, "mean").raw[0] == pytest.approx(task_data(NUMBER).y_train.mean(), rel=1e-6)


def test_logistic_regression_of_classes_is_scikit_learns():
    data = task_data(CLASSES)
    scale = StandardScaler().fit(data.x_train)
    model = LogisticRegression(max_iter=100).fit(scale.transform(data.x_train), data.y_train)
    score = best(CLASSES, "logistic_regression").raw.astype(float)
    p = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, model.predict_proba(scale.transform(data.x_validation)), atol=1e-3)
    two = Task(name="classes", size=2)
    found = best(two, "logistic_regression", task_data(two)).raw
    np.testing.assert_allclose(found[:, 0], -found[:, 1])


def test_what_steers_is_scikit_learns():
    from sklearn.metrics import average_precision_score, roc_auc_score, root_mean_squared_error

    y, rng = task_data(CLASSES).y_validation, np.random.default_rng(0)
    score = rng.normal(size=(96, 5)).astype(np.float32)
    hot = np.eye(5)[y]
    p = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)  # a row's own scale counts for nothing
    assert STEERS["classes"]["macro_average_precision"](y, score) == pytest.approx(
        average_precision_score(hot, p, average="macro")
    )
    assert STEERS["classes"]["roc_auc_ovr_macro"](y, score) == pytest.approx(
        roc_auc_score(hot, p, average="macro")
    )
    labels = task_data(LABELS).y_validation
    assert STEERS["labels"]["macro_average_precision"](labels, score[:, :4]) == pytest.approx(
        average_precision_score(labels, score[:, :4], average="macro")
    )
    target = rng.normal(size=96)
    assert STEERS["number"]["rmse"](target, score[:, 0]) == pytest.approx(
        -root_mean_squared_error(target, score[:, 0])
    )
    assert np.isnan(STEERS["labels"]["macro_average_precision"](np.zeros((9, 2), np.int8), score[:9, :2]))
