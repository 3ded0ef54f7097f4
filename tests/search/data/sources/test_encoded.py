"""Labels say what they ask, or the study does, and what contradicts them is refused in one line."""

import numpy as np
import pytest

from search.data.rows import Labels
from search.data.sources.labels import encoded
from search.data.sources.npz import rows_of
from search.data.task_labels import Classes, LabelNames, Quantity
from spaces.data import Npz
from spaces.errors import RunError

MATRIX = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]])
EYE = np.eye(3)[[0, 2, 1, 2]]

TOLD = [
    ([0, 1, 1], "auto", None, [0, 1, 1], np.int8, Labels(0, 1)),
    (["b", "a", "c", "a"], "auto", None, [1, 0, 2, 0], np.int16, Classes(("a", "b", "c"))),
    (np.array([3, 1, 2]), "auto", None, [2, 0, 1], np.int16, Classes((1, 2, 3))),
    (np.array([3.0, 1.0, 2.0]), "auto", None, [2, 0, 1], np.int16, Classes((1.0, 2.0, 3.0))),
    (np.array([0, 1, 1]), "classes", None, [0, 1, 1], np.int16, Classes((0, 1))),
    (["no", "yes"], "classes", None, [0, 1], np.int16, Classes(("no", "yes"))),
    (MATRIX, "auto", None, MATRIX.tolist(), np.int8, LabelNames(("0", "1", "2"))),
    (MATRIX.astype(bool), "labels", None, MATRIX.tolist(), np.int8, LabelNames(("0", "1", "2"))),
    (EYE, "classes", None, [0, 2, 1, 2], np.int16, Classes((0, 1, 2))),
    (EYE, "labels", None, EYE.tolist(), np.int8, LabelNames(("0", "1", "2"))),
    (np.array([0.5, 2.25, -1.0]), "auto", None, [0.5, 2.25, -1.0], np.float64, Quantity("y")),
    (np.array([4, 7, 9]), "number", None, [4, 7, 9], np.float64, Quantity("y")),
    (np.arange(99), "number", None, list(range(99)), np.float64, Quantity("y")),
    (np.float32([0.1, 0.2, 0.3]), "auto", None, [0.1, 0.2, 0.3], np.float64, Quantity("y")),
]


@pytest.mark.parametrize(("values", "task", "positive", "y", "dtype", "labels"), TOLD)
def test_labels_say_what_they_ask(values, task, positive, y, dtype, labels):
    found, kept = encoded(values, task, positive, "here: y")
    assert found.dtype == dtype
    assert found.tolist() == y
    assert kept == labels
    kept.check(found, len(found))


@pytest.mark.parametrize(
    ("values", "task", "positive", "message"),
    [
        (np.arange(99), "auto", None, "99 whole numbers may be classes or a number to predict; say which"),
        (EYE, "auto", None, r"every row of 3 columns has one 1, .* data.task: classes, or data.task: labels"),
        (
            MATRIX,
            "classes",
            None,
            "3 of 4 rows have none or several: they are labels; write data.task: labels",
        ),
        (MATRIX * 2, "auto", None, r"must be 0 and 1, or false and true, but 3 columns of int64 hold other"),
        (MATRIX, "binary", None, r"one value per row, \(n,\), but got shape \(4, 3\)"),
        (MATRIX, "number", None, r"one value per row, \(n,\), but got shape \(4, 3\)"),
        (
            ["a", "b", "c"],
            "number",
            None,
            r'needs numbers, but the labels are "a", "b", "c"; leave data.task',
        ),
        (["a", "b", "c"], "labels", None, r"a column of 0 and 1 for each, \(n, K\), but every row has one"),
        (["a", "b", "c"], "binary", None, r"a binary task has two label values; found 3 classes"),
        (["a", "b", "c"], "auto", "a", r"a binary task has two label values; found 3 classes"),
        (["no", "yes"], "auto", None, r"data.positive is required unless labels are 0/1"),
        (["a", "a"], "classes", None, r"a task of classes has 2 to 10000 values, but the labels have 1"),
        ([0.5, None, 2.0], "auto", None, "1 of 3 are missing"),
    ],
)
def test_what_contradicts_the_labels_is_refused(values, task, positive, message):
    with pytest.raises(RunError, match=message) as caught:
        encoded(values, task, positive, "here: y")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("task", ["classes", "labels", "number"])
def test_rows_of_arrays_carry_any_labels(task):
    rng = np.random.default_rng(0)
    y = {
        "classes": np.array(["b", "a", "c"] * 4),
        "labels": rng.integers(0, 2, (12, 5)),
        "number": rng.random(12),
    }
    arrays = {"X": rng.normal(size=(12, 3)), "y": y[task]}
    for config in (Npz(source="npz", path="x.npz"), Npz(source="npz", path="x.npz", task=task)):
        rows = rows_of(arrays, config, "x.npz")
        assert rows.labels.task.name == task
        assert len(rows.y) == 12
        with pytest.raises(RunError, match=f"two values so far, but the task is {task}"):
            _ = rows.binary
    listed = {**arrays, "y": y[task].tolist()}
    np.testing.assert_array_equal(rows_of(listed, config, "x.npz").y, rows.y)
