"""The validation rows of a run, written and read: labels of every task."""

import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from search.runs.parquet_files import as_parquet, columns_of, reference_of
from search.scores.half_splits import Halves
from search.scores.reference import Reference
from tests.helpers.tasks import TASKS, labels_of


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_validation_rows_are_written_and_read_with_their_labels(task):
    y = labels_of(task, 40)
    halves = Halves("row", np.random.default_rng(0).random((40, 3)) < 0.5)
    reference = Reference(y, None, None, None, halves)
    content = as_parquet(*columns_of(reference, np.arange(40)))
    found = reference_of(pq.read_table(io.BytesIO(content)))
    assert found.y.dtype == y.dtype
    np.testing.assert_array_equal(found.y, y)
    np.testing.assert_array_equal(found.halves.mask, halves.mask)
