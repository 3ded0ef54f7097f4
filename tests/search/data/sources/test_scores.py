"""Scores of models that exist: columns are read as they are, and become raw scores that keep their order."""

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from search.data.sources.scores import read_scores, scale_of
from spaces.data import Scores
from spaces.errors import RunError

COLUMNS = {
    "label": ["seizure", "background", "seizure", "background"],
    "p": [0.0, 0.25, 1.0, 0.5],
    "logit": [-3.0, 250.0, 7.5, 0.0],
    "patient": ["007", "7", "007", "8"],
}


def config(**changes):
    fixed = {"source": "scores", "label": "label", "score": ["p", "logit"], "positive": "seizure"}
    return Scores(**(fixed | {"group": "patient"} | changes))


def write(folder, kind, columns=None):
    columns, path = columns or COLUMNS, folder / f"scores.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(columns), path)
    elif kind == "npz":
        np.savez(path, **{name: np.array(values) for name, values in columns.items()})
    else:
        with path.open("w", newline="") as file:
            out = csv.writer(file, delimiter="\t" if kind == "tsv" else ",")
            out.writerows([columns, *zip(*columns.values(), strict=True)])
    return path.name


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "npz"])
def test_every_kind_of_file_is_read_alike(tmp_path, kind):
    found = read_scores(config(path=write(tmp_path, kind)), tmp_path)
    assert found.rows.y.tolist() == [1, 0, 1, 0]
    assert found.rows.groups.tolist() == ["007", "7", "007", "8"]
    assert (found.rows.labels.negative, found.rows.labels.positive) == ("background", "seizure")
    assert [scale.probability for scale in found.scales] == [True, False]
    assert found.rows.x[:, 1].tolist() == [-3.0, 250.0, 7.5, 0.0]
    # An exact 0 stands at half the least odds within, .25 / .75, an exact 1 at twice the highest, .5 / .5.
    assert np.allclose(np.exp(found.rows.x[:, 0].astype(float)), [1 / 6, 1 / 3, 2, 1])


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["0", "1"], (0, 1)),
        (["false", "True"], (False, True)),
        (["0.0", "1.0"], (0, 1)),
    ],
)
def test_labels_of_a_csv_file_are_numbers_where_all_read_as_such(tmp_path, texts, labels):
    name = write(tmp_path, "csv", COLUMNS | {"label": [texts[1], texts[0]] * 2})
    found = read_scores(config(path=name, positive=None), tmp_path)
    assert (found.rows.labels.negative, found.rows.labels.positive) == labels
    assert found.rows.y.tolist() == [1, 0, 1, 0]


probabilities = arrays.arrays(np.float64, st.integers(2, 40), elements=st.floats(0, 1))


@given(probabilities)
def test_log_odds_are_finite_and_keep_the_order(given):
    inside = given[(given > 0) & (given < 1)]
    if not inside.size or given.min() == given.max():
        return
    raw = scale_of(given, "p").raw(given)
    assert np.isfinite(raw).all()
    order = np.argsort(given, kind="stable")
    assert (np.diff(raw[order]) >= 0).all()
    if given.min() == 0:
        assert raw.min() < scale_of(given, "p").raw(np.array([inside.min()]))[0]


@pytest.mark.parametrize(
    ("changes", "columns", "message"),
    [
        ({"score": ["probability"]}, {}, "--score probability must name a column of scores.csv, but "),
        ({"label": "Label"}, {}, "did you mean 'label'?"),
        ({}, {"p": [0.1, "", 0.3, 0.4]}, "p has none in 1 of 4 rows, the first is row 2"),
        ({}, {"p": [0.1, "0,2", 0.3, 0.4]}, "row 2 has '0,2'; a decimal point is read, no comma"),
        ({}, {"p": [0.1, "nan", 0.3, 0.4]}, "p must hold finite numbers, but 1 of 4 rows do not"),
        ({}, {"p": [0.1, "high", 0.3, 0.4]}, "p must hold numbers, but row 2 has 'high' (scores.csv)"),
        ({}, {"p": [0, 1, 1, 0]}, "p holds 0 and 1 alone: these are decisions, made already"),
        ({}, {"p": [0.5] * 4}, "scores must differ between rows, but p is 0.5 in all 4"),
        ({}, {"logit": [1e39, 0, 1, 2]}, "numbers below 3.4e38, as float32 holds them, but row 1 has 1e+39"),
        ({"positive": "Seizure"}, {}, "--positive must be one of the labels"),
        ({"positive": None}, {}, "--positive is required unless labels are 0/1 or false/true"),
        ({"path": "nowhere.csv"}, {}, "nowhere.csv is not there"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(tmp_path, changes, columns, message):
    name = write(tmp_path, "csv", COLUMNS | columns)
    with pytest.raises(RunError) as caught:
        read_scores(config(**({"path": name} | changes)), tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_parquet_file_and_a_doubled_column(tmp_path):
    (tmp_path / "scores.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match=r"tables must be readable, but scores\.parquet gave: "):
        read_scores(config(path="scores.parquet"), tmp_path)
    table = pa.table([["0", "1"], [0.1, 0.2], [0.3, 0.4]], names=["label", "p", "p"])
    pq.write_table(table, tmp_path / "twice.parquet")
    with pytest.raises(RunError, match=r"'p' stands twice in twice\.parquet"):
        read_scores(config(path="twice.parquet", group=None, score="p"), tmp_path)
