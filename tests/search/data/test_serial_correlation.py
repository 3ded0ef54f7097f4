"""Rows in the order of time are told from rows in any other order, sorted by a label included."""

import io
import zipfile

import numpy as np
import pytest

from search.data.rows import Labels, Rows
from search.data.serial_correlation import resembles_time_series, warning
from search.data.sources.simulated_eeg import simulate
from tests.conftest import SHARED

BONN = SHARED / "bonn" / "bonn_eeg.zip"


def rows_of(x, y, **fields) -> Rows:
    x = np.asarray(x, np.float32)
    return Rows(x=x, y=np.asarray(y, np.int8), labels=Labels(0, 1), **fields)


def series(n, of=8, seed=0):
    """An autoregressive series, positive in every tenth stretch of ten rows."""
    noise = np.random.default_rng(seed).normal(size=(n, of))
    x = np.zeros_like(noise)
    for k in range(1, n):
        x[k] = 0.8 * x[k - 1] + noise[k]
    return x, np.arange(n) % 100 < 10


@pytest.mark.parametrize("n", [200, 1000, 4000])
def test_a_time_series_is_recognised_until_it_is_shuffled(n):
    x, y = series(n)
    assert resembles_time_series(rows_of(x, y)) > 0.9
    order = np.random.default_rng(1).permutation(n)
    assert resembles_time_series(rows_of(x[order], y[order])) is None
    order = order[np.argsort(y[order], kind="stable")]
    assert resembles_time_series(rows_of(x[order], y[order])) is None


def test_windows_of_many_recordings_are_recognised():
    made = simulate(patients=12, windows=120, seed=0)
    y = np.asarray(made.y, np.int8)
    assert resembles_time_series(rows_of(made.x, y, kind="eeg")) > 0.7
    order = np.argsort(y, kind="stable")  # one after another within each class still
    assert resembles_time_series(rows_of(made.x[order], y[order], kind="eeg")) > 0.7


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_tables_in_the_order_of_their_label_are_no_time_series(name):
    from sklearn import datasets

    found = vars(datasets)[f"load_{name}"]()
    target = found.target if name != "diabetes" else found.target // 100
    for positive in np.unique(target)[:2]:
        y = target == positive
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(len(y))
            finer = order[np.argsort(target[order], kind="stable")]
            for taken in (order, order[np.argsort(y[order], kind="stable")], finer):
                assert resembles_time_series(rows_of(found.data[taken], y[taken])) is None
        if name != "diabetes":
            assert resembles_time_series(rows_of(found.data, y)) is None  # as they come


@pytest.mark.skipif(not BONN.is_file(), reason="the Bonn recordings are not here")
def test_windows_of_the_bonn_recordings():
    with zipfile.ZipFile(BONN) as archive:
        names = archive.namelist()[::2]
        whole = [np.loadtxt(io.BytesIO(archive.read(name)))[:4000] for name in names]
    x = np.concatenate([signal.reshape(-1, 200) for signal in whole])
    y = np.repeat([name.startswith("E_") for name in names], 20)
    assert resembles_time_series(rows_of(x, y)) > 0.7
    assert resembles_time_series(rows_of(x[::20], y[::20])) is None  # one window a recording
    order = np.random.default_rng(0).permutation(len(y))
    order = order[np.argsort(np.repeat([name[0] for name in names], 20)[order], kind="stable")]
    assert resembles_time_series(rows_of(x[order], y[order])) is None


def test_what_the_warning_says_and_when():
    x, y = series(400)
    assert warning(rows_of(x, y)).startswith("beware: 9")
    assert warning(rows_of(x, y)).endswith("or, of one person, name data.time and write split: {by: time}")
    timed = rows_of(x, y, times=np.arange(400.0))
    assert warning(timed).endswith(
        "name data.recording or data.group, or, of one person, write split: {by: time}"
    )
    assert warning(rows_of(x, y, groups=np.full(400, "p1"))) is None
    assert warning(rows_of(x[:1], y[:1])) is None
    assert warning(rows_of(np.ones((400, 3)), y)) is None
