"""Tables: columns become inputs, labels and groups; what cannot is told in one line."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cluster.cli import main
from search.data.sources.table import load_table
from spaces.data import Table
from spaces.errors import RunError


def uci(path, rows=60, steps=6):
    """A small table in the form of UCI's seizure recognition data: an unnamed id, X1 to X6, y from 1 to 5."""
    rng = np.random.default_rng(0)
    header = ",".join(["", *(f"X{k + 1}" for k in range(steps)), "y"])
    lines = [
        ",".join([f"X{k % 3 + 1}.V1.{k // 3}", *map(str, rng.integers(-300, 300, steps)), str(k % 5 + 1)])
        for k in range(rows)
    ]
    path.write_text("\n".join([header, *lines]))


def config(**changes):
    fixed = {"source": "table", "path": "rows.csv", "label": "y", "features": "X*", "positive": [1]}
    return Table(**(fixed | changes))


def test_the_seizure_recognition_table_is_read_by_recording(tmp_path):
    uci(tmp_path / "rows.csv")
    rows = load_table(config(shape=(6, 1), group="", group_pattern=r"^X[0-9]+[.](.+)$"), tmp_path)
    assert rows.x.shape == (60, 6, 1)
    assert rows.y.tolist() == [int(k % 5 == 0) for k in range(60)]
    assert (rows.labels.negative, rows.labels.positive) == ("not 1", "1")
    assert len(set(rows.groups.tolist())) == 20
    assert rows.groups[:4].tolist() == ["V1.0", "V1.0", "V1.0", "V1.1"]
    text = (tmp_path / "rows.csv").read_text().splitlines()[1].split(",")
    assert rows.x[0, :, 0].tolist() == list(map(float, text[1:7]))


def test_csv_and_parquet_and_another_delimiter_are_read_alike(tmp_path):
    uci(tmp_path / "rows.csv")
    found = load_table(config(), tmp_path)
    text = (tmp_path / "rows.csv").read_text()
    (tmp_path / "semicolons.csv").write_text(text.replace(",", ";"))
    columns = {"y": found.y.tolist(), **{f"X{k + 1}": found.x[:, k] for k in range(6)}}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    other = load_table(config(path="semicolons.csv"), tmp_path)
    parquet = load_table(config(path="rows.parquet", positive=1), tmp_path)
    assert np.array_equal(found.x, other.x)
    assert np.array_equal(found.x, parquet.x)
    assert np.array_equal(found.y, parquet.y)


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["007", "7", "007", "8"], ["007", "7", "007", "8"]),
        (["1.0", "2.0", "10.0", "1.0"], ["1", "2", "10", "1"]),
        (["1.0", "2.5", "10", "1.0"], ["1.0", "2.5", "10", "1.0"]),
        (["2020-01-01", "true", "NA", "1"], ["2020-01-01", "true", "NA", "1"]),
    ],
)
def test_names_in_a_csv_file_are_text(tmp_path, names, groups):
    lines = [f"{k},{k % 2},{name}" for k, name in enumerate(names)]
    (tmp_path / "rows.csv").write_text("\n".join(["X1,y,who", *lines]))
    assert load_table(config(group="who"), tmp_path).groups.tolist() == groups


@pytest.mark.parametrize("missing", [np.nan, None])
@pytest.mark.parametrize("positive", [[1.0], 1.0])
def test_a_label_that_is_missing_is_no_class(tmp_path, missing, positive):
    labels = pa.array([0.0, 1.0, missing], pa.float64())
    pq.write_table(pa.table({"X1": [1.0, 2.0, 3.0], "y": labels}), tmp_path / "rows.parquet")
    with pytest.raises(
        RunError, match=r"every row needs a (label, but 1 of 3 have none in 'y'|value, but y has)"
    ):
        load_table(config(path="rows.parquet", positive=positive), tmp_path)


def test_values_beyond_float32_and_infinity_are_named_with_their_row(tmp_path):
    for value, message in (
        ("1e39", "as float32 holds them, but X1 has 1e+39 in row 2; rescale it (rows.csv)"),
        ("inf", "X1 must hold finite numbers, but 1 of 2 rows do not, the first is row 2: inf (rows.csv)"),
    ):
        (tmp_path / "rows.csv").write_text(f"X1,y\n1,0\n{value},1\n")
        with pytest.raises(RunError) as caught:
            load_table(config(positive=None), tmp_path)
        assert message in str(caught.value)


def test_describe_takes_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    uci(tmp_path / "rows.csv", rows=300)
    (tmp_path / "study.yaml").write_text(
        "data: {source: table, path: rows.csv, label: y, features: X*, positive: [1], group: '',"
        " group_pattern: '^X[0-9]+[.](.+)$'}\ntrunk: {name: mlp}\n"
    )
    assert main(["describe", "study.yaml"]) == 0
    assert "leakage: no sign of it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        (None, {}, "a table is a CSV file in UTF-8, a Parquet or an Arrow file, but "),
        ("a,y\n1,0\n2,1", {}, "'X*' matches none of: 'a', 'y'"),
        ("X1,y\n1,0\n2,1", {"label": "z"}, "data.label must name a column of rows.csv, but 'z' is not among"),
        ("X1,y\n1,0\nhigh,1", {}, "X1 must hold numbers, but row 2 has 'high' (rows.csv)"),
        (
            "X1,y\n1,0\n,1",
            {},
            "every row needs a value, but X1 has none in 1 of 2 rows, the first is row 2; fill or drop them",
        ),
        ("X1,X1,y\n1,2,0", {}, "columns must have names of their own, but 'X1' stands twice in rows.csv"),
        ("X1,y\n1,0\n2,1", {"features": ["X1", "y"]}, "inputs must not hold the label, but data.features"),
        ("X1,y\n1,0\n2,1", {"features": ["X1", "X*"]}, "data.features must name each column once, but 'X1'"),
        ("X1,y\n1,0\n2,1\n3,2", {"positive": 0}, "but 'y' has 3: 0, 1, 2; e.g. positive: [0]"),
        (
            "X1,y\n1,0\n2,1",
            {"positive": [7]},
            "must list values of 'y', but 7 is not among: 0, 1",
        ),
        ("X1,y\n1,0\n2,1", {"shape": [2, 2]}, "but 2 x 2 is 4 and 1 columns were found (rows.csv)"),
        (
            "X1,y\n1,0\n2,1\n3,",
            {"positive": 1},
            "every row needs a value, but y has none in 1 of 3 rows, the first is row 3",
        ),
        (
            "X1,y\n1,0\n2,",
            {"positive": [0]},
            "every row needs a value, but y has none in 1 of 2 rows, the first is row 2",
        ),
        ("X1,y,who\n1,0,a\n2,1,b", {"group": "who", "group_pattern": "(c)"}, "'(c)' does not match 'a'"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, text, changes, message):
    if text is not None:
        (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(RunError) as caught:
        load_table(config(**({"positive": [1]} | changes)), tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
