"""Sources whose labels are K classes, K labels or numbers: tables, folders of photos, the Bonn files."""

import numpy as np
import pytest

from search.data.rows import Labels
from search.data.sources.bonn import load_bonn
from search.data.sources.labels import encoded
from search.data.sources.table import load_table
from search.data.task_labels import Classes, LabelNames, Quantity
from spaces.data import Bonn, Images, Table
from spaces.errors import RunError
from tests.conftest import ROOT
from tests.helpers.stored import load
from tests.search.data.sources.test_photo_folders import save

BONN = ROOT.parent / "shared" / "data" / "bonn" / "bonn_eeg.zip"
LINES = "a,b,kind,price,wet,cold\n1,2,dog,1.5,1,0\n3,4,cat,2.5,1,1\n5,6,bird,9,0,1\n7,8,cat,4,0,0"


def table(tmp_path, label, **changes):
    (tmp_path / "rows.csv").write_text(LINES)
    chosen = {"source": "table", "path": "rows.csv", "label": label, "features": ["a", "b"], **changes}
    return load_table(Table(**chosen), tmp_path)


def test_a_column_of_a_table_says_what_it_asks(tmp_path):
    rows = table(tmp_path, "kind")
    assert rows.labels == Classes(("bird", "cat", "dog"))
    assert rows.y.tolist() == [2, 1, 0, 1]
    rows = table(tmp_path, "price")
    assert rows.labels == Quantity("data.label")
    assert rows.y.tolist() == [1.5, 2.5, 9.0, 4.0]
    assert table(tmp_path, "kind", positive=["cat"]).labels == Labels("not cat", "cat")


def test_columns_of_a_table_are_labels_by_their_names(tmp_path):
    rows = table(tmp_path, ["wet", "cold"])
    assert rows.labels == LabelNames(("wet", "cold"))
    assert rows.y.tolist() == [[1, 0], [1, 1], [0, 1], [0, 0]]
    assert rows.x.shape == (4, 2)
    with pytest.raises(RunError, match=r"columns of labels must hold 0 and 1, but 'price' holds other"):
        table(tmp_path, ["wet", "price"])
    with pytest.raises(RunError, match=r"data.label lists columns where there are several, but got 'wet'"):
        table(tmp_path, ["wet"])
    with pytest.raises(RunError, match=r"must name a column of rows.csv, but 'warm' is not among"):
        table(tmp_path, ["wet", "warm"])
    with pytest.raises(RunError, match=r"inputs must not hold the label"):
        table(tmp_path, ["wet", "a"])


def test_what_a_study_says_is_held_against_the_column(tmp_path):
    assert table(tmp_path, "price", task="number").y.dtype == np.float64
    with pytest.raises(RunError, match=r"a task of a number needs numbers, but the labels are"):
        table(tmp_path, "kind", task="number")
    with pytest.raises(RunError, match=r"more than two, but 'kind' has 3: .* or leave it out for one class"):
        table(tmp_path, "kind", positive="cat")


def test_a_class_without_a_name_is_seen():
    y, labels = encoded(np.array(["", "a,b", "<b>", ""]), "auto", None, "x.npz: y")
    assert labels.told(y) == "'' 50.0%, <b> 25.0%, a,b 25.0%"


def test_what_cannot_be_told_apart_or_predicted_is_refused():
    """A stray blank would be a class of its own; what float32 cannot hold could never be predicted."""
    with pytest.raises(RunError) as caught:
        encoded(np.array(["no", "yes", "no "]), "auto", None, "x.npz: y")
    assert str(caught.value) == (
        'classes must differ in more than blanks, but got "no" and "no "; give them one spelling (x.npz: y)'
    )
    for odd in ([" a", "b", "c", "a"], ["a  b", "c", "a b"], ["", " ", "x"], ["a\t", "b", "a"]):
        with pytest.raises(RunError, match="classes must differ in more than blanks"):
            encoded(np.array(odd), "classes", None, "x.npz: y")
    assert encoded(np.array(["A", "a", " b"]), "auto", None, "y")[1] == Classes((" b", "A", "a"))
    for odd in (np.array([1e38, 0.5, 2]), np.array([0.5, -1e300])):
        with pytest.raises(RunError, match=r"must lie within 1e\+37 either way, .* but 1 of \d do not"):
            encoded(odd, "number", None, "x.npz: y")
    assert encoded(np.array([1e12, 0.5, 2]), "number", None, "y")[0].tolist() == [1e12, 0.5, 2]


def test_folders_of_photos_are_as_many_classes(tmp_path):
    for name in ("cats", "dogs", "birds", "fish"):
        save(tmp_path / "set" / name, 3)
    rows = load(Images(source="images", path="set", size=8), tmp_path)
    assert rows.labels == Classes(("birds", "cats", "dogs", "fish"))
    assert rows.y.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert rows.photos is not None
    with pytest.raises(RunError, match=r"a binary task has two label values; found 4 classes"):
        load(Images(source="images", path="set", size=8, positive="cats"), tmp_path)


@pytest.mark.skipif(not BONN.exists(), reason="needs the Bonn recordings")
def test_bonn_is_five_classes_where_the_study_says_so():
    rows = load_bonn(Bonn(source="bonn", path=str(BONN), task="classes"), BONN.parent)
    assert rows.labels == Classes(("A", "B", "C", "D", "E"))
    assert np.bincount(rows.y).tolist() == [2300] * 5
    first = {code: {name[0] for name in rows.groups[rows.y == code].tolist()} for code in range(5)}
    assert first == {0: {"Z"}, 1: {"O"}, 2: {"N"}, 3: {"F"}, 4: {"S"}}
