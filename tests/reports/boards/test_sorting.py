"""Sorted by a column, the best row comes first and undefined last, whichever way the column is better."""

import pytest

from reports.boards import reading
from reports.boards.columns import KNOWN, SMALLER_IS_BETTER
from spaces.errors import RunError
from tests.helpers.pages import SEIZURES, made


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A run with seizures, whose last trial failed."""
    return made(tmp_path_factory.mktemp("sorting") / "toy", 9, 3600, timed=True, study=SEIZURES).path


@pytest.mark.parametrize(
    ("sort", "largest_first"),
    [
        *[(name, False) for name in ("val_brier", "val_log_loss", "val_ece", "train_s", "rank")],
        *[(name, False) for name in ("val_fa_per_day", "value_fa_per_day")],
        ("val_brier desc", True),
        ("val_f1 asc", False),
        *[(name, True) for name in ("val_f1", "value", "learning_rate", "val_event_sensitivity")],
    ],
)
def test_the_best_comes_first_and_undefined_last(path, sort, largest_first):
    column = sort.split()[0]
    values = [row[column] for row in reading.read(path).rows]
    defined = sorted((value for value in values if value is not None), reverse=largest_first)
    assert len(set(defined)) >= 2
    nulls = [None] * (len(values) - len(defined))
    assert [row[column] for row in reading.read(path, sort=sort).rows] == [*defined, *nulls]


def test_what_is_better_when_smaller_are_columns():
    assert KNOWN.keys() >= SMALLER_IS_BETTER >= {"val_brier", "val_rmse", "val_hamming_loss_low"}


def test_a_misspelt_column_is_told_its_nearest(path):
    with pytest.raises(RunError, match="but got 'val_brierr'; nearest is 'val_brier'; columns: rank, "):
        reading.read(path, sort="val_brierr")
    with pytest.raises(RunError, match="--best-per takes a column, but got 'haed'; nearest is 'head'; col"):
        reading.read(path, best_per="haed")
    with pytest.raises(RunError, match="but got '#'; columns: rank, "):
        reading.read(path, sort="#")


def test_more_rows_than_there_are_is_all_of_them(path):
    assert len(reading.read(path, top=10**30).rows) == 9
