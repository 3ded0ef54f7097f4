"""Arrays to predict: from every form of file, by the name that was trained on, or the only ones that fit."""

import numpy as np
import pytest

from reports.bundles.bundle import Bundle
from reports.bundles.inputs import open_inputs
from reports.bundles.schema import BundleConfig, Input
from spaces.errors import RunError
from tests.helpers.array_files import FORMS, write_arrays

X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
TAKES = {"source": "npz", "kind": "table", "shape": [6], "dtype": "float32", "array": "X"}


def bundle(**changes) -> Bundle:
    return Bundle(BundleConfig.model_construct(input=Input.model_validate(TAKES | changes)), None)


def read(path, **changes) -> np.ndarray:
    (series,) = open_inputs(bundle(**changes), str(path)).series
    batches = list(series.batches)
    assert [row for batch in batches for row in batch.columns["row"].to_pylist()] == list(range(20))
    return np.concatenate([batch.x for batch in batches])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["X", "X.npy", "other"])
def test_arrays_are_found_by_name_or_shape(tmp_path, form, name):
    path = write_arrays(tmp_path, form, {"X": X, "y": np.zeros(20), "longer": np.zeros((20, 7))})
    assert np.array_equal(read(path, array=name), X)


def test_one_npy_file_is_the_array(tmp_path):
    np.save(tmp_path / "new.npy", X)
    assert np.array_equal(read(tmp_path / "new.npy"), X)


def test_what_a_bundle_of_arrays_does_not_take(tmp_path):
    (tmp_path / "new.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RunError) as caught:
        read(tmp_path / "new.csv")
    assert str(caught.value) == (
        "a bundle of the source npz takes rows of shape (6,) from a file of arrays (.npz, .npy, .mat, .h5, "
        f".hdf5), but got {tmp_path / 'new.csv'}"
    )
    np.savez(tmp_path / "two.npz", a=X, b=X)
    with pytest.raises(
        RunError, match=r"takes the array X, or the only one of rows of shape \(6,\), but two\."
    ):
        read(tmp_path / "two.npz")
    (tmp_path / "new.mat").write_bytes(b"no")
    with pytest.raises(RunError, match=r"but new\.mat cannot be read: "):
        read(tmp_path / "new.mat")
