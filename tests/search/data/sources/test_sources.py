"""Every data source returns checked rows, and refuses what it cannot read in one clear line."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.data import store
from search.data.rows import Labels, Rows, check_classes, check_finite
from search.data.sources import bonn, registry
from search.data.sources.arrays import keep
from search.data.sources.registry import SOURCES, plan
from spaces.data import Arrays, Bonn, Custom, Images, Npz, Scores, SimulatedEeg, Table
from spaces.eeg import Eeg
from spaces.errors import RunError
from tests.conftest import SHARED
from tests.helpers.edf_files import write_bids
from tests.helpers.npz_files import save_npz
from tests.helpers.photos import load_folder
from tests.helpers.stored import digest, load

BONN = SHARED / "bonn" / "bonn_eeg.zip"


def save_photos(folder: Path, count: int = 4) -> Path:
    rng = np.random.default_rng(0)
    for name in ("women", "men"):
        (folder / name / "deep").mkdir(parents=True)
        for k in range(count):
            pixels = rng.integers(0, 256, size=(12, 10, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / ("deep" if k % 2 else ".") / f"{k}.png")
    return folder


def npz_config(folder: Path) -> Npz:
    save_npz(folder)
    return Npz(source="npz", path="rows.npz", group="who", recording="who", time="start", window_s=0.5)


def table_config(folder: Path) -> Table:
    rng = np.random.default_rng(0)
    lines = ["who,a,b,y", *(f"p{k // 4},{rng.normal()},{k},{'ab'[k % 2]}" for k in range(20))]
    (folder / "rows.csv").write_text("\n".join(lines))
    return Table(
        source="table", path="rows.csv", label="y", features=("a", "b"), group="who", recording="who",
        positive="b",
    )  # fmt: skip


def images_config(folder: Path) -> Images:
    save_photos(folder)
    return Images(source="images", path=".", size=8, positive="women")


def bonn_config(folder: Path) -> Bonn:
    if not BONN.exists():
        pytest.skip("needs the Bonn recordings, ../shared/data/bonn/bonn_eeg.zip")
    return Bonn(source="bonn", path=str(BONN))


def eeg_config(folder: Path) -> Eeg:
    write_bids(folder / "set", patients=2, recordings=1, seconds=30)
    return Eeg(source="eeg", path="set")


def custom_config(folder: Path) -> Custom:
    (folder / "our_rows.py").write_text(
        "import numpy as np\n"
        "def load(rows):\n"
        "    who = np.arange(rows) // 4\n"
        "    x = np.arange(2.0 * rows).reshape(rows, 2)\n"
        "    return {'X': x, 'y': ['a', 'b'] * (rows // 2), 'group': who, 'recording': who}\n"
    )
    return Custom(source="our_rows:load", options={"rows": 12}, positive="b")


def arrays_config(folder: Path) -> Arrays:
    given = {"X": np.arange(40.0).reshape(20, 2), "y": ["a", "b"] * 10, "groups": np.arange(20) // 4}
    named = {"source": "arrays", "digest": "0" * 64, "positive": "b"}
    return keep({**given, "recordings": None, "times": None}, Arrays(**named), folder / "prepared")


CASES = {
    SimulatedEeg: (lambda folder: SimulatedEeg(patients=6, windows=60), (360, 32, 9, 19), "eeg", 1),
    Npz: (npz_config, (20, 5), "table", 1),
    Table: (table_config, (20, 2), "table", "b"),
    Images: (images_config, (8, 8, 8, 3), "image", "women"),
    Bonn: (bonn_config, (11500, 32, 9, 1), "eeg", "seizure"),
    Eeg: (eeg_config, (60, 32, 9, 19), "eeg", "seizure"),
    Custom: (custom_config, (12, 2), "table", "b"),
    Arrays: (arrays_config, (20, 2), "table", "b"),
}
"""Config, shape, kind and positive label of each source: a new source is a new row."""


def test_every_source_has_a_case():
    assert {*CASES, Scores} == SOURCES.keys()


def test_scores_hold_nothing_to_train_on(tmp_path):
    config = Scores(source="scores", path="p.csv", label="y", score="p")
    with pytest.raises(RunError, match=r"nothing to train; .* python search\.py decide"):
        plan(config, tmp_path)


@pytest.mark.parametrize("source", CASES, ids=lambda source: source.__name__)
def test_contract_of_sources(source, tmp_path):
    make, shape, kind, positive = CASES[source]
    config = make(tmp_path)
    rows, again = load(config, tmp_path), load(config, tmp_path)
    assert rows.x.shape == shape
    assert rows.x.dtype == (np.uint8 if kind == "image" else np.float32)
    assert (rows.y.dtype, set(rows.y.tolist())) == (np.int8, {0, 1})
    assert rows.kind == kind
    assert rows.labels.positive == positive
    assert digest(rows) == digest(again)
    if rows.times is not None:
        assert rows.window_s is not None
        for recording in np.unique(rows.recordings):
            inside = rows.recordings == recording
            assert (np.diff(np.sort(rows.times[inside])) >= rows.window_s).all()
            assert len(set(rows.groups[inside])) == 1


def small(**changes) -> Rows:
    values = {
        "x": np.arange(12, dtype=np.float32).reshape(4, 3),
        "y": np.array([0, 1, 0, 1], dtype=np.int8),
        "labels": Labels(0, 1),
        "groups": np.array(["a", "b", "c", "d"]),
        "times": np.arange(4.0),
    }
    return Rows(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.zeros(4, np.float32)}, "at least two axes"),
        ({"x": np.zeros((4, 0), np.float32)}, "at least one value"),
        ({"x": np.zeros((4, 3))}, "float32 or uint8, but got float64"),
        ({"y": np.array([0, 1], np.int8)}, r"shape \(4,\)"),
        ({"y": np.array([0, 1, 2, 1], np.int8)}, r"0 or 1, but got \[2\]"),
        ({"groups": np.arange(4)}, "groups must be text"),
        ({"recordings": np.array(["a"])}, "recordings must be text of shape"),
        ({"times": np.array([0, np.nan, 1, 2])}, "1 of 4 are not, the first in row 1"),
        ({"window_s": 0.0}, "window_s must be above 0"),
    ],
)
def test_rows_are_checked(changes, message):
    with pytest.raises(RunError, match=message):
        small(**changes)


def test_values_and_classes_are_checked():
    with pytest.raises(RunError, match=r"2 of 4 rows .* row 1;"):
        check_finite(np.array([[1, 2], [np.nan, 1], [np.inf, 0], [1, 1]], np.float32))
    with pytest.raises(RunError, match="4 positive and 0 negative"):
        check_classes(np.ones(4, np.int8))


@pytest.mark.parametrize(
    "changes",
    [
        {"x": np.arange(1, 13, dtype=np.float32).reshape(4, 3)},
        {"x": np.arange(12, dtype=np.uint8).reshape(4, 3)},
        {"x": np.arange(12, dtype=np.float32).reshape(4, 3, 1)},
        {"y": np.array([1, 0, 0, 1], dtype=np.int8)},
        {"labels": Labels(False, True)},
        {"groups": None},
        {"groups": np.array(["a", "b", "c", "e"])},
        {"recordings": np.array(["a", "b", "c", "d"])},
        {"times": None},
        {"times": np.arange(4.0) + 1},
        {"window_s": 1.0},
        {"kind": "eeg"},
    ],
)
def test_digest_sees_every_field(changes):
    assert digest(small(**changes)) != digest(small())


def test_digest_ignores_the_width_of_text():
    assert digest(small(groups=np.array(["a", "b", "c", "d"], dtype="U9"))) == digest(small())


def test_images_order_labels_and_other_files(tmp_path, caplog):
    save_photos(tmp_path)
    (tmp_path / "manifest.csv").write_text("x")
    (tmp_path / "men" / ".hidden.png").write_text("x")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "men" / "raw.heic").write_text("x")
    rows = load(Images(source="images", path=str(tmp_path), size=8, positive="men"), Path("/nowhere"))
    assert rows.y.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert rows.labels == Labels("women", "men")
    assert rows.groups is None
    assert "1 .heic" in caplog.text
    x, names = load_folder(tmp_path / "men", 8)
    assert names == ["0.png", "2.png", "deep/1.png", "deep/3.png"]
    assert (x == rows.x[:4]).all()
    assert load_folder(tmp_path / "men" / "0.png", 8)[1] == ["0.png"]


def test_damaged_photos_are_named(tmp_path):
    save_photos(tmp_path)
    for k in range(6):
        (tmp_path / "men" / f"bad{k}.jpg").write_bytes(b"\xff\xd8\xff no photo")
    whole = (tmp_path / "women" / "0.png").read_bytes()
    (tmp_path / "women" / "0.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        RunError, match=r"but 7 of 14 are not: men/bad0.jpg, .*men/bad4.jpg and 1 more: .*; women/0.png: "
    ):
        load(Images(source="images", path=".", positive="men"), tmp_path)


@pytest.mark.parametrize(
    ("prepare", "positive", "message"),
    [
        (lambda folder: folder.rmdir(), "men", "one sub-folder of photos per class, but .* is none"),
        (lambda folder: None, "men", "has no sub-folders"),
        (
            lambda folder: (folder / "men").mkdir(),
            "men",
            r"every class folder must hold photos .*men has none",
        ),
        (lambda folder: save_photos(folder), None, 'data.positive is required .* "men", "women"'),
        (lambda folder: save_photos(folder), "cats", 'one of the labels "men", "women", but got "cats"'),
    ],
)
def test_image_folder_refusals(prepare, positive, message, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    prepare(folder)
    with pytest.raises(RunError, match=message):
        load(Images(source="images", path="photos", positive=positive), tmp_path)
    with pytest.raises(RunError, match="photos must lie in a folder"):
        load_folder(tmp_path / "absent", 8)


def test_bonn_groups_and_labels(tmp_path):
    rows = load(bonn_config(tmp_path), tmp_path)
    assert np.unique(rows.groups).size == 500
    assert rows.y.sum() == 2300
    assert {name[0] for name in rows.groups[rows.y == 1]} == {"S"}
    assert rows.times[:24].tolist() == [*range(23), 0]
    assert pytest.approx(bonn.RECORDED_HZ * bonn.UP / bonn.DOWN, rel=1e-5) == 256


def bonn_zip(path: Path, content: bytes, drop: int = 0) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for letter in "ZONFS":
            for k in range(1, 101 - (drop if letter == "S" else 0)):
                archive.writestr(f"x/{letter}{k:03d}.TXT", content)


@pytest.mark.parametrize(
    ("content", "drop", "message"),
    [
        (b"1 " * 4096, 0, "4097 samples, but x/F001.TXT has 4096"),
        (b"a b", 0, "numbers alone, but x/F001.TXT gave"),
        (b"", 1, "100 of Z, 100 of O, 100 of N, 100 of F, 99 of S"),
    ],
)
def test_bonn_refusals(content, drop, message, tmp_path):
    bonn_zip(tmp_path / "b.zip", content, drop)
    with pytest.raises(RunError, match=message):
        load(Bonn(source="bonn", path="b.zip"), tmp_path)


def test_bonn_file_refusals(tmp_path):
    with pytest.raises(RunError, match="is not there"):
        load(Bonn(source="bonn", path="b.zip"), tmp_path)
    (tmp_path / "b.zip").write_bytes(b"no zip")
    with pytest.raises(RunError, match="readable zip file"):
        load(Bonn(source="bonn", path="b.zip"), tmp_path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return [1, 2]", "must return a mapping with X, y .*, but it returned list"),
        ("return {'X': np.zeros((4, 2))}", r"but it returned \['X'\]"),
        ("return {'X': np.zeros((4, 2)), 'y': [0, 1, 0]}", "X has 4, y has 3"),
        ("return {'X': np.zeros((4, 2)), 'y': [0, 1, 0, 1], 'who': 3}", r"returned \['X', 'who', 'y'\]"),
        ("return 1 / 0", "must return arrays, but it raised ZeroDivisionError: division by zero"),
        ("return {'X': np.full((4, 2), np.nan), 'y': [0, 1, 0, 1]}", "4 of 4 rows hold NaN"),
        ("raise SystemExit(0)", "must return arrays, but it raised SystemExit: 0"),
        ("raise BaseException('odd')", "must return arrays, but it raised BaseException: odd"),
        ("raise GeneratorExit", "must return arrays, but it raised GeneratorExit$"),
        ("raise type('E', (Exception,), {'__str__': lambda _: 1 / 0})()", "arrays, but it raised E$"),
        (
            "return type('M', (UserDict,), {'__getitem__': lambda *_: 1 / 0})(X=[[1], [2]], y=[0, 1])",
            "must return arrays, but it raised ZeroDivisionError",
        ),
        (
            "return {'X': type('A', (), {'__array__': lambda *_, **__: exit(0)})(), 'y': [0, 1]}",
            r"X must be an array \(our_rows_\d+:load\), but making one of it raised SystemExit: 0",
        ),
        (
            "return {'X': np.ma.masked_greater(np.arange(8.0).reshape(4, 2), 5), 'y': [0, 1, 0, 1]}",
            r"every value must be known, but 2 of 8 of X are masked; fill or drop them \(our_rows_\d+:load\)",
        ),
        (
            "return {'X': np.zeros((4, 2)), 'y': np.ma.masked_equal([0, 1, 0, 2], 2)}",
            "every value must be known, but 1 of 4 of y are masked",
        ),
        ("return {'X': 3, 'y': [0, 1]}", "one entry per row, but X is a single int"),
        ("return {'X': {1, 2}, 'y': [0, 1]}", "one entry per row, but X is a single set"),
        (
            "return {'X': [[1, 2], [3]], 'y': [0, 1]}",
            "X must be an array, but its rows are of sev",
        ),
        ("return {'X': np.zeros((2, 2)), 'y': 1}", "one entry per row, but y is a single int"),
    ],
)
def test_what_a_source_of_your_own_may_not_return(body, message, tmp_path, request):
    name = f"our_rows_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(
        f"from collections import UserDict\nimport numpy as np\ndef load():\n    {body}\n"
    )
    with pytest.raises(RunError, match=message):
        load(Custom(source=f"{name}:load"), tmp_path)


def test_a_source_of_your_own_is_called_again_and_kept_once(tmp_path):
    """Only its contents tell whether it changed: equal ones share a folder, others get their own."""
    root = tmp_path / "prepared"
    for rows, folders in ((12, 1), (12, 1), (8, 2)):
        config = custom_config(tmp_path).model_copy(update={"options": {"rows": rows}})
        plan = registry.plan(config, tmp_path)
        made = store.prepare(plan, registry.key(config, plan), root)
        assert len(made.rows) == rows
        assert len(list(root.iterdir())) == folders


def test_recordings_that_are_left_out_are_counted_and_named(tmp_path):
    write_bids(tmp_path / "set", patients=3, recordings=2, seconds=30)
    parts = {"left_out": ["sub-02", "sub-03/*run-01*"]}
    made = plan(Eeg(source="eeg", path="set", form="raw", parts=parts), tmp_path)
    stored = store.prepare(made, "eeg", tmp_path / "prepared")
    assert sorted(set(stored.rows.groups.tolist())) == ["sub-01", "sub-03"]
    assert len(stored.rows.timeline) == 3
    assert [one.partition(": ")[2] for one in stored.bad] == ["by data.parts"] * 3
    with pytest.raises(RunError, match="must leave something in, but all 6 recordings are left out"):
        plan(Eeg(source="eeg", path="set", parts={"left_out": ["*"]}), tmp_path)
