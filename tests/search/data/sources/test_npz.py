"""Arrays of an `.npz` file: what is read, what is refused, and who is one group."""

import io
import struct
import zipfile

import numpy as np
import pytest

from search.data import store
from search.data.sources import registry
from spaces.data import Npz
from spaces.errors import RunError
from tests.helpers.npz_files import save_npz
from tests.helpers.stored import load


@pytest.mark.parametrize(
    ("arrays", "config", "message"),
    [
        (
            {},
            {"x": "x"},
            r"data.x must name an array of rows.npz, but 'x' is not among: .*did you mean 'X'",
        ),
        (
            {},
            {"group": "patient"},
            "data.group must name an array .* 'patient' is not among: 'X', 'y', 'who', 'start'$",
        ),
        ({"y": np.array([0, "a"] * 10, dtype=object)}, {}, "Python objects are not loaded.*y is one"),
        ({"y": np.arange(19) % 2}, {}, "same number of rows, but X has 20, y has 19"),
        ({"who": np.arange(3)}, {"group": "who"}, "X has 20, y has 20, who has 3"),
        ({"X": np.zeros((0, 3)), "y": np.zeros(0)}, {}, "at least one row"),
        ({"X": np.arange(20.0)}, {}, r"at least two axes, .* X has shape \(20,\)"),
        (
            {"X": np.full((20, 2), 1e300)},
            {},
            "range of float32 .* 20 of 20 rows of X hold larger .* row 0",
        ),
        ({"X": np.array([["a"]] * 20)}, {}, "inputs must be numbers, but X is"),
        ({"X": np.array(1.0)}, {}, "X is a single value"),
        ({"y": np.arange(20) % 3}, {"task": "binary"}, r"found 3 classes: 0, 1, 2; .* \(rows.npz: y\)"),
        ({"who": np.array([np.nan] * 20)}, {"group": "who"}, "who must name every row, but 20 of 20"),
        ({"who": np.array([""] * 20)}, {"group": "who"}, "who must name every row, but 20 of 20"),
        ({"who": np.array([b"p"] * 20)}, {"group": "who"}, "text or numbers"),
        ({"who": np.zeros((20, 2))}, {"group": "who"}, "one value per row"),
        ({"start": np.array(["0"] * 20)}, {"time": "start"}, "seconds as numbers"),
    ],
)
def test_npz_refusals(arrays, config, message, tmp_path):
    save_npz(tmp_path, **arrays)
    with pytest.raises(RunError, match=message):
        load(Npz(source="npz", path="rows.npz", **config), tmp_path)


def test_npz_file_refusals(tmp_path):
    config = Npz(source="npz", path="rows.npz")
    with pytest.raises(RunError, match=r"arrays are in an \.npz, .* but .*rows\.npz is not there"):
        load(config, tmp_path)
    (tmp_path / "rows.npz").write_bytes(b"PK and no more")
    with pytest.raises(RunError, match=r"arrays are in an \.npz, .* but rows\.npz is neither"):
        load(config, tmp_path)
    whole = save_npz(tmp_path).read_bytes()
    (tmp_path / "rows.npz").write_bytes(whole[:300] + b"\xff" * 40 + whole[340:])
    with pytest.raises(RunError, match="arrays must be readable, but X gave"):
        load(config, tmp_path)


@pytest.mark.parametrize(
    ("x", "dtype", "kind"),
    [
        (np.zeros((20, 8, 8, 3), np.uint8), np.uint8, "image"),
        (np.zeros((20, 8, 8, 1)), np.float32, "table"),
        (np.zeros((20, 32, 9, 3)), np.float32, "eeg"),
        (np.zeros((20, 10, 4), np.int16), np.float32, "table"),
    ],
)
def test_npz_types_and_kinds(x, dtype, kind, tmp_path):
    save_npz(tmp_path, X=x)
    rows = load(Npz(source="npz", path="rows.npz"), tmp_path)
    assert (rows.x.dtype, rows.kind, rows.groups) == (dtype, kind, None)


def test_npz_group_names(tmp_path):
    save_npz(tmp_path, who=np.arange(20.0) // 4)
    rows = load(Npz(source="npz", path="rows.npz", recording="who"), tmp_path)
    assert sorted(set(rows.groups)) == ["0", "1", "2", "3", "4"]
    assert (rows.groups == rows.recordings).all()


def encrypted(content: bytes) -> bytes:
    """Sets the flag of encryption in the headers of every member."""
    damaged = bytearray(content)
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        while start >= 0:
            damaged[start + at] |= 1
            start = content.find(signature, start + 1)
    return bytes(damaged)


def of_header(header: str):
    """An archive whose array says of itself what it is not."""

    def make(_: bytes) -> bytes:
        told = (header + "\n").encode()
        member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(told)) + told
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr("X.npy", member)
        return sink.getvalue()

    return make


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (encrypted, "arrays must be readable, but X gave: .* is encrypted, password required"),
        (of_header("{"), "arrays must be readable, but X gave: .*EOF in multi-line statement"),
        (
            of_header("{'descr': 3, 'fortran_order': False, 'shape': (1,)}"),
            "but X gave: descr is not",
        ),
        (
            of_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"),
            "arrays must (fit into memory, but X|be readable, but X gave)",
        ),
    ],
    ids=["encrypted", "no header", "no type", "absurd"],
)
def test_an_npz_that_is_encrypted_damaged_or_absurd_is_refused_in_one_line(harm, message, tmp_path):
    path = save_npz(tmp_path)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(RunError, match=message) as caught:
        load(Npz(source="npz", path="rows.npz"), tmp_path)
    assert "\n" not in str(caught.value)
    assert "rows.npz" in str(caught.value)


def test_names_that_differ_in_blanks_or_capitals_alone_are_one_group_and_told(tmp_path):
    who = np.repeat(["P1", "p1 ", "P\u00a01", "P2", "P3"], 4)
    save_npz(tmp_path, who=who)
    config = Npz(source="npz", path="rows.npz", group="who")
    plan = registry.plan(config, tmp_path)
    made = store.prepare(plan, registry.key(config, plan), tmp_path / "prepared")
    assert made.rows.groups.tolist() == ["P1"] * 12 + ["P2"] * 4 + ["P3"] * 4
    (note,) = made.notes
    assert note.startswith(
        "rows.npz: who: 'P1' and 'P\\xa01' and 'p1 ' differ in blanks or capitals alone and"
    )
    exact = load(config.model_copy(update={"exact_names": True}), tmp_path)
    assert exact.groups.tolist() == who.tolist()
