"""One reader of tables: as Python's csv reads them, whatever header and cells hold; faults in one line."""

import csv
import gzip
import io
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.data.sources.columns import check_named, labels, numbers, open_table, read_columns, values
from spaces.errors import RunError


def texts_of(path):
    """All columns of a table, as text, by name."""
    file = open_table(path)
    table = read_columns(file, [], file.names)
    return {name: values(table, name, path.name).tolist() for name in file.names}


cells = st.text(st.sampled_from("ab 7\"',;\n|\t=()éß"), min_size=1, max_size=6).filter(
    lambda text: text.strip()
)


@given(
    header=st.lists(cells, min_size=2, max_size=4, unique=True),
    rows=st.lists(st.lists(cells, min_size=4, max_size=4), min_size=1, max_size=5),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_csv_file_is_read_as_pythons_own_reader_reads_it(tmp_path, header, rows):
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *(row[: len(header)] for row in rows)])
    (tmp_path / "t.csv").write_text(out.getvalue(), newline="")
    named, *expected = csv.reader(io.StringIO(out.getvalue(), newline=""))
    found = texts_of(tmp_path / "t.csv")
    assert list(found) == named
    assert list(zip(*found.values(), strict=True)) == list(map(tuple, expected))


def write(folder, form, columns):
    path, table = folder / f"t.{form}", pa.table(columns)
    match form:
        case "parquet":
            pq.write_table(table, path)
        case "feather":
            pyarrow.feather.write_feather(table, path)
        case _:
            out = io.StringIO()
            rows = [columns, *zip(*columns.values(), strict=True)]
            csv.writer(out, delimiter="\t" if form == "tsv" else ",").writerows(rows)
            content = out.getvalue().encode()
            path.write_bytes(gzip.compress(content) if form == "csv.gz" else content)
    return path


@pytest.mark.parametrize("form", ["csv", "tsv", "csv.gz", "parquet", "feather"])
def test_every_form_is_read_alike(tmp_path, form):
    """What reads as SQL, as a formula or as a path is a name like any other."""
    names = ['x"; DROP TABLE t; --', "=cmd|' /C calc'!A0", "read_csv('/etc/passwd')", ""]
    columns = dict(zip(names, ([1.5, -2.0], ["007", "7"], ["=1+1", "$(id)"], ["1", "0"]), strict=True))
    file = open_table(write(tmp_path, form, columns))
    assert list(file.names) == names
    table = read_columns(file, names[:1], names[1:])
    assert numbers(values(table, names[0], "t"), names[0], "t").tolist() == [1.5, -2.0]
    assert [values(table, name, "t").tolist() for name in names[1:]] == [columns[name] for name in names[1:]]
    assert labels(values(table, "", "t")).tolist() == [1, 0]


@pytest.mark.parametrize(
    "type_", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_of_every_arrow_type_is_text(tmp_path, type_):
    pyarrow.feather.write_feather(
        pa.table({"who": pa.array(["a", "b", "a"]).cast(type_)}), tmp_path / "t.arrow"
    )
    assert texts_of(tmp_path / "t.arrow") == {"who": ["a", "b", "a"]}


def test_decimals_are_numbers(tmp_path):
    pq.write_table(
        pa.table({"p": pa.array([Decimal(1), Decimal(25)], pa.decimal128(9, 2))}), tmp_path / "t.parquet"
    )
    table = read_columns(open_table(tmp_path / "t.parquet"), ["p"], [])
    assert numbers(values(table, "p", "t"), "p", "t").tolist() == [1.0, 25.0]


def test_names_with_dots_are_names_and_lists_are_no_values(tmp_path):
    columns = {"a.b": [1.0], "a": [2.0], "a.b.c": ["x"], "list": [[1.0, 2.0]]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = read_columns(open_table(tmp_path / "t.parquet"), ["a.b", "a", "a.b.c"], ["list"])
    assert [values(table, name, "t").tolist() for name in ("a", "a.b", "a.b.c")] == [[2.0], [1.0], ["x"]]
    with pytest.raises(RunError, match="list must hold one value per row, but is list<element: double>"):
        values(table, "list", "t.parquet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.csv is empty"),
        (b"\n\n", "t.csv is empty"),
        (b"p,q\n", "a table must hold at least one row, but t.csv has none"),
        (b"p,q\n1,2\n3\n", "Expected 2 columns, got 1: 3"),
        ("p,q\n1,2\n".encode("utf-16"), "t.csv holds bytes that are not text"),
        (b"PK\x03\x04\0\0\0", "t.csv holds bytes that are not text"),
        ("p,gr\xf6\xdfe\n1,2\n".encode("latin-1"), "save it as UTF-8"),
        ("p,q\n\xf6,2\n".encode("latin-1"), "save it as UTF-8"),
        (b"PAR1 and no more", "t.csv gave: Parquet magic bytes not found"),
        (b"PAR1" + b"\xff" * 40 + b"PAR1", "tables must be readable, but t.csv gave: "),
        (b"ARROW1\0\0" + b"\xff" * 40, "tables must be readable, but t.csv gave: "),
        (b"p,q\n1,\n3,4\n", "q has none in 1 of 2 rows, the first is row 1; fill or drop them (t.csv)"),
        (b'p,q\n3,4\n1,""\n', "q has none in 1 of 2 rows, the first is row 2"),
    ],
)
def test_a_file_that_is_no_table_is_one_line(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(RunError) as caught:
        texts_of(tmp_path / "t.csv")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(RunError, match=r"a Parquet or an Arrow file, but .* is a folder"):
        open_table(tmp_path)


@pytest.mark.parametrize("text", ["high", "1,5", "1_0", "0x10", "NA"])
def test_what_is_no_number_is_named_with_its_row(tmp_path, text):
    (tmp_path / "t.csv").write_text(f'p,q\n1,2\n"{text}",3\n')
    table = read_columns(open_table(tmp_path / "t.csv"), ["p"], [])
    with pytest.raises(RunError, match=f"p must hold numbers, but row 2 has '{text}'"):
        numbers(values(table, "p", "t.csv"), "p", "t.csv")


def test_labels_read_as_numbers_only_if_all_do():
    assert labels(np.array(["1", " 0"])).tolist() == [1, 0]
    assert labels(np.array(["1_0", "2_0"])).tolist() == ["1_0", "2_0"]
    assert labels(np.array(["0", "NA"])).tolist() == ["0", "NA"]


def test_a_name_that_is_not_there_is_told_with_the_nearest():
    with pytest.raises(RunError) as caught:
        check_named("data.label", "Label ", [f"X{k}" for k in range(20)] + ["label\n"], "t.csv")
    assert str(caught.value) == (
        "data.label must name a column of t.csv, but 'Label ' is not among: 'X0', 'X1', 'X2', 'X3', 'X4', "
        "'X5', 'X6', 'X7' and 13 more; did you mean 'label\\n'?"
    )
