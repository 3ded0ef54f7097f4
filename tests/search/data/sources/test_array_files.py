"""Arrays of .npz, .npy, .mat and HDF5 files are read alike; what cannot be read is told in one line."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.io.matlab
import scipy.sparse

from search.data.sources import registry
from search.data.sources.array_files import open_arrays
from search.data.sources.npz import load_npz
from search.data.sources.scores import read_scores
from spaces.data import Npz, Scores
from spaces.errors import RunError
from tests.helpers.array_files import FORMS, write_arrays, write_doubles_as_bytes, write_mat73
from tests.helpers.stored import digest, load

OF_MATLAB = Path(scipy.io.matlab.__file__).parent / "tests" / "data"
"""Files that MATLAB wrote, which come with scipy."""


def arrays(**changes) -> dict:
    rng = np.random.default_rng(0)
    fixed = {
        "X": rng.normal(size=(20, 6, 3)),
        "y": np.array(["background", "seizure"] * 10),
        "who": np.repeat(["p007", "p7", "\xe9l", "p10", "p2"], 4),
        "start": np.arange(20) / 2,
    }
    return fixed | changes


def config(path: Path, **changes) -> Npz:
    fixed = {"source": "npz", "path": str(path), "group": "who", "time": "start", "positive": "seizure"}
    return Npz(**(fixed | changes))


def test_every_form_gives_the_same_rows(tmp_path):
    found = {form: load(config(write_arrays(tmp_path, form, arrays())), tmp_path) for form in FORMS}
    assert len({digest(rows) for rows in found.values()}) == 1
    rows = found["mat73"]
    assert np.array_equal(rows.x, arrays()["X"].astype(np.float32))
    assert (rows.labels.negative, rows.labels.positive) == ("background", "seizure")
    assert rows.groups.tolist() == arrays()["who"].tolist()
    assert rows.times.tolist() == arrays()["start"].tolist()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [(20, 1), (1, 20), (20,)])
@pytest.mark.parametrize(
    "y", [np.arange(20) % 2 == 0, (np.arange(20) % 2).astype(float)], ids=["bool", "0/1"]
)
def test_labels_may_be_a_row_or_a_column(tmp_path, form, shape, y):
    path = write_arrays(tmp_path, form, arrays(y=y.reshape(shape)))
    rows = load(config(path, positive=None), tmp_path)
    assert rows.y.tolist() == y.astype(int).tolist()


@pytest.mark.parametrize("form", FORMS)
def test_pixels_stay_bytes(tmp_path, form):
    x = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3)).astype(np.uint8)
    rows = load(config(write_arrays(tmp_path, form, arrays(X=x))), tmp_path)
    assert (rows.x.dtype, rows.kind) == (np.uint8, "image")
    assert np.array_equal(rows.x, x)


def test_doubles_that_matlab_stored_as_bytes_are_no_pixels(tmp_path):
    x = np.arange(20.0 * 4 * 4).reshape(20, 4, 4, 1) % 256
    write_doubles_as_bytes(tmp_path / "a.mat", "X", x)
    assert scipy.io.loadmat(tmp_path / "a.mat")["X"].dtype == np.uint8, "what scipy makes of it unasked"
    with open_arrays(tmp_path / "a.mat") as opened:
        found = opened.take("X", "data.x")
    assert found.dtype == np.float64
    assert np.array_equal(found, x)


@pytest.mark.parametrize("form", FORMS)
def test_rows_along_another_axis_are_told(tmp_path, form):
    path = write_arrays(tmp_path, form, arrays(X=np.zeros((6, 3, 20))))
    with pytest.raises(RunError) as caught:
        load(config(path), tmp_path)
    assert str(caught.value) == (
        "all arrays must have the same number of rows, but X has 6, y has 20, who has 20, start has 20; rows "
        f"are the first axis of X, which has shape (6, 3, 20): move axis 3 there ({path.name})"
    )


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", "<i2"])
def test_a_npy_file_is_mapped_and_converted_at_most_once(tmp_path, kind):
    path = write_arrays(tmp_path, "npy", arrays(X=np.arange(20.0 * 6).reshape(20, 6).astype(kind)))
    rows = load_npz(config(path), tmp_path)
    assert rows.x.dtype == np.float32
    assert rows.x.ravel().tolist() == list(range(120))
    held = rows.x
    while isinstance(held.base, np.ndarray):
        held = held.base
    assert isinstance(held, np.memmap) == (kind == "<f4")


def test_a_file_of_the_folder_that_changed_is_read_again(tmp_path):
    folder = write_arrays(tmp_path, "npy", arrays())
    named = config(folder, y="y.npy")

    def key() -> str:
        return registry.key(named, registry.plan(named, tmp_path))

    before = key()
    assert key() == before
    np.save(folder / "y.npy", np.array(["seizure", "background"] * 10))
    assert key() != before
    assert load(named, tmp_path).y.tolist() == [1, 0] * 10


@pytest.mark.parametrize("form", ["mat", "mat73", "h5", "npz"])
def test_decide_reads_them_too(tmp_path, form):
    given = {"label": np.arange(20) % 2 == 1, "p": np.linspace(0.1, 0.9, 20), "who": arrays()["who"]}
    path = write_arrays(tmp_path, form, given)
    scores = Scores(source="scores", path=str(path), label="label", score="p", group="who")
    found = read_scores(scores, tmp_path)
    assert found.columns["p"].tolist() == given["p"].tolist()
    assert found.rows.groups.tolist() == given["who"].tolist()
    with pytest.raises(
        RunError, match=f"--score q must name an array of {path.name}, but 'q' is not among: 'l"
    ):
        read_scores(scores.model_copy(update={"score": ("q",)}), tmp_path)


@pytest.mark.skipif(not OF_MATLAB.is_dir(), reason="this scipy comes without its test files")
def test_files_that_matlab_wrote():
    def take(file: str, name: str) -> np.ndarray:
        with open_arrays(OF_MATLAB / file) as opened:
            return opened.take(name, "data.x")

    theta = np.arange(0, 2 * np.pi + 0.1, np.pi / 4)[None]
    for version in ("4.2c_SOL2", "6.1_SOL2", "6.5.1_GLNX86", "7.1_GLNX86", "7.4_GLNX86"):
        assert np.allclose(take(f"testdouble_{version}.mat", "testdouble"), theta)
        assert take(f"testmatrix_{version}.mat", "testmatrix").dtype.kind == "f"
        assert take(f"teststringarray_{version}.mat", "teststringarray").tolist() == ["one", "two", "three"]
    assert np.allclose(take("testhdf5_7.4_GLNX86.mat", "testdouble"), theta)
    cube = np.arange(1, 25).reshape(2, 3, 4, order="F")
    assert np.array_equal(take("test3dmatrix_7.4_GLNX86.mat", "test3dmatrix"), cube)
    assert take("testbool_8_WIN64.mat", "testbools").tolist() == [[True], [False]]


@pytest.mark.skipif(not OF_MATLAB.is_dir(), reason="this scipy comes without its test files")
@pytest.mark.parametrize("path", sorted(OF_MATLAB.glob("*.mat")), ids=lambda path: path.stem)
def test_each_variable_that_matlab_wrote_is_an_array_or_one_line(path):
    refusals = []
    try:
        with open_arrays(path) as opened:
            for name in opened.names:
                try:
                    assert opened.take(name, "data.x").dtype.kind in "biufcU"
                except RunError as error:
                    refusals.append(str(error))
    except RunError as error:
        refusals.append(str(error))
    assert [said for said in refusals if "\n" in said or path.name not in said] == []


def of_hdf5(make):
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            make(file, path)

    return write


def external(file, path):
    (path.parent / "secret").write_bytes(b"\1" * 800)
    file.create_dataset("X", (20, 5), "<f8", external=[(str(path.parent / "secret"), 0, 800)])


def virtual(file, path):
    layout = h5py.VirtualLayout((20, 5), "<f8")
    layout[:] = h5py.VirtualSource(str(path.parent / "other.h5"), "X", (20, 5))
    file.create_virtual_dataset("X", layout)


def linked(file, path):
    with h5py.File(path.parent / "other.h5", "w") as other:
        other["X"] = np.zeros((20, 5))
    file["X"] = h5py.ExternalLink(str(path.parent / "other.h5"), "X")


def of_matlab(**variables):
    return lambda path: scipy.io.savemat(path, variables)


def of_mat73(change):
    def write(path: Path) -> None:
        write_mat73(path, {"X": np.zeros((20, 5)), "y": np.array(["a", "b"] * 10)})
        with h5py.File(path, "r+") as file:
            change(file)

    return write


def cut(write, keep: float):
    def shorter(path: Path) -> None:
        write(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    return shorter


def header_of_npy(header: str):
    def write(path: Path) -> None:
        told = (header + "\n").encode()
        path.write_bytes(b"\x93NUMPY\x01\x00" + len(told).to_bytes(2, "little") + told)

    return write


def number_in_cell(file):
    file[file["y"][0, 0]].attrs["MATLAB_class"] = np.bytes_("double")


X = {"X": np.random.default_rng(0).normal(size=(20, 50))}
FAULTS = {
    "values in another file": ("a.h5", of_hdf5(external), "X gave: its values lie in another file; copy"),
    "virtual": ("a.h5", of_hdf5(virtual), "X gave: its values lie in another file; copy them into this one"),
    "linked": ("a.h5", of_hdf5(linked), "data.x must name an array of a.h5, but 'X' is not among: none"),
    "absurd": (
        "a.h5",
        of_hdf5(lambda file, _: file.create_dataset("X", (10**12, 5), "<f8", chunks=(1000, 5))),
        "arrays must fit into memory, but X says that it is larger: 40,000,000,000,000 bytes (a.h5)",
    ),
    "group": ("a.h5", of_hdf5(lambda file, _: file.create_group("X")), "'X' is not among: none"),
    "nested": (
        "a.h5",
        of_hdf5(lambda file, _: file.create_dataset("train/X", data=[1])),
        "data.x must name an array of a.h5, but 'X' is not among: 'train/X'",
    ),
    "ragged": (
        "a.h5",
        of_hdf5(lambda file, _: file.create_dataset("X", (2,), h5py.vlen_dtype(np.float32))),
        "arrays of Python objects are not loaded, since they can run code, but X is one",
    ),
    "single": (
        "a.h5",
        of_hdf5(lambda file, _: file.create_dataset("X", data=1.0)),
        "X is a single value (a.h5)",
    ),
    "cut HDF5": ("a.h5", cut(of_hdf5(lambda file, _: file.update(X)), 0.5), "a.h5 cannot be read: "),
    "cells of numbers in 7.3": (
        "a.mat",
        of_mat73(number_in_cell),
        "y gave: its cells must each hold a text, but",
    ),
    "cut 7.3": ("a.mat", cut(of_mat73(lambda file: None), 0.5), "a.mat cannot be read: "),
    "cells of numbers": (
        "a.mat",
        of_matlab(X=np.array([np.zeros(2), "a"], object)),
        "X gave: its cells must each hold a text, but some hold something else (a.mat)",
    ),
    "struct": (
        "a.mat",
        of_matlab(X={"a": 1}),
        "X gave: it is a struct or an object; save its fields, with save -",
    ),
    "sparse": (
        "a.mat",
        of_matlab(X=scipy.sparse.eye_array(20).tocsc()),
        "X gave: it is sparse; save full(X) (a",
    ),
    "complex": (
        "a.mat",
        of_matlab(X=np.full((20, 2), 1j)),
        "X gave: Casting complex values to real discards",
    ),
    "missing": (
        "a.mat",
        of_matlab(x=1),
        "data.x must name an array of a.mat, but 'X' is not among: 'x'; did you",
    ),
    "cut MATLAB": ("a.mat", cut(of_matlab(**X), 0.5), "arrays must be readable, but X gave: "),
    "no MATLAB": (
        "a.mat",
        lambda path: path.write_text("1,2\n3,4\n" * 40),
        "a.mat cannot be read: Unknown mat f",
    ),
    "empty MATLAB": (
        "a.mat",
        lambda path: path.write_bytes(b""),
        "a.mat cannot be read: Mat file appears to be",
    ),
    "objects": (
        "X.npy",
        lambda path: np.save(path, np.array([{}], object), allow_pickle=True),
        "arrays of Python objects are not loaded, since they can run code, but X.npy is one",
    ),
    "pickle": (
        "X.npy",
        lambda path: path.write_bytes(pickle.dumps([1])),
        "arrays are in an .npz, .mat or HDF5",
    ),
    "cut npy": (
        "X.npy",
        cut(lambda path: np.save(path, X["X"]), 0.5),
        "arrays must be readable, but X.npy gave: mm",
    ),
    "absurd npy": (
        "X.npy",
        header_of_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"),
        "arrays must be readable, but X.npy gave: mmap length is greater than file size (X.npy)",
    ),
    "no header": ("X.npy", header_of_npy("{"), "arrays must be readable, but X.npy gave: "),
    "no arrays": (
        "a.h5",
        lambda path: path.write_text("hello"),
        "or a folder of .npy files, but a.h5 is neither",
    ),
    "not there": ("a.h5", lambda path: None, "a.h5 is not there"),
}


def take(path: Path, *names: str) -> None:
    with open_arrays(path) as opened:
        for name in names:
            opened.take(name, f"data.{name.lower()}")


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_read_is_one_line(tmp_path, fault):
    name, write, message = FAULTS[fault]
    write(tmp_path / name)
    with pytest.raises(RunError) as caught:
        take(tmp_path / name, "X", "y")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["X", "y"])
def test_a_folder_of_npy_files_may_hold_what_is_damaged(tmp_path, name):
    folder = write_arrays(tmp_path, "npy", arrays())
    (folder / f"{name}.npy").write_bytes(pickle.dumps(print))
    with pytest.raises(RunError, match=r"since they can run code, but .\.npy is one"):
        load(config(folder), tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(RunError, match=r"data\.x must name an array of none, but 'X' is not among: none"):
        load(config(tmp_path / "none"), tmp_path)
