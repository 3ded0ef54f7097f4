"""Rows of other units are refused; a single channel that lies far outside is told."""

import zipfile

import numpy as np
import pytest

from reports.bundles.scale import FAR, MOST_CHANNELS, check_scale, scale_of
from reports.bundles.schema import Input
from spaces.errors import RunError
from tests.conftest import SHARED

BONN = SHARED / "bonn" / "bonn_eeg.zip"


def rows(n: int = 200, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, *shape)).astype(np.float32)


def trained(scale: dict, channels: tuple[str, ...] | None = None) -> Input:
    takes = {"kind": "eeg", "shape": (8, 3), "dtype": "float32", "source": "npz", "channels": channels or ()}
    return Input.model_validate(takes | scale)


def told(caplog) -> list[str]:
    found = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return found


def test_the_scale_holds_quantiles_of_each_channel():
    x = rows(500, 6, 3) * np.array([1, 10, 0], np.float32) + np.array([0, 5, 7], np.float32)
    scale = scale_of(x)
    flat = x.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(scale["quantiles"], np.quantile(flat, [0.01, 0.5, 0.99], axis=0).T)
    assert scale["root_mean_square"] == pytest.approx(np.sqrt((flat**2).mean()))
    assert len(scale_of(rows(20, MOST_CHANNELS + 1))["quantiles"]) == 1


@pytest.mark.parametrize(
    "change", [lambda x: x * 100, lambda x: x + 200, lambda x: x / 255, lambda x: -1000 * x]
)
def test_rows_of_other_units_are_refused(change, caplog):
    scale = scale_of(rows(200, 8, 3))
    with pytest.raises(RunError, match=r"the bundle was trained on .*: other units\?$"):
        check_scale(change(rows(20, 8, 3, seed=1)), trained(scale))
    assert told(caplog) == []


def test_rows_of_the_same_units_are_taken(caplog):
    scale = scale_of(rows(200, 8, 3))
    for taken in (rows(1, 8, 3), rows(20, 8, 3) * 20, rows(20, 8, 3) / 50, np.zeros((2, 8, 3), np.float32)):
        check_scale(taken, trained(scale))
    assert told(caplog) == []


def test_one_channel_far_outside_is_told_and_most_are_refused(caplog):
    scale = scale_of(rows(200, 8, 3))
    x = rows(20, 8, 3, seed=1)
    x[..., 1] *= 300
    check_scale(x, trained({"quantiles": scale["quantiles"]}, ("Fp1", "Cz", "O2")))
    (text,) = told(caplog)
    assert text.startswith(
        "the bundle was trained on other values of Cz, of 3 channels: 98% of those of Cz lay from -2."
    )
    assert text.endswith(": other units?")
    check_scale(x, trained({"quantiles": scale["quantiles"]}, None))
    assert "other values of 1, of 3 channels" in told(caplog)[0]
    x[..., 2] *= 300
    with pytest.raises(
        RunError, match=r"^the bundle was trained on other values of Cz, O2, of 3 channels: 98% of"
    ):
        check_scale(x, trained({"quantiles": scale["quantiles"]}, ("Fp1", "Cz", "O2")))


def test_a_channel_that_was_constant_in_training_says_nothing(caplog):
    x = rows(200, 3)
    x[:, 0] = 1
    scale = scale_of(x)
    new = rows(20, 3, seed=1)
    new[:, 0] = 900
    check_scale(new, trained({"quantiles": scale["quantiles"]}, None))
    assert told(caplog) == []


def test_of_many_rows_some_stand_for_all():
    x = rows(3000, 400, 1) * np.linspace(1, 3, 3000, dtype=np.float32)[:, None, None]
    flat = x.reshape(-1).astype(np.float64)
    np.testing.assert_allclose(scale_of(x)["quantiles"][0], np.quantile(flat, [0.01, 0.5, 0.99]), atol=0.05)
    with pytest.raises(RunError, match="other units"):
        check_scale(x * 60, trained({"quantiles": scale_of(x)["quantiles"]}))


def test_far_begins_where_it_says(caplog):
    scale = {"quantiles": [[-1.0, 0.0, 2.0]]}
    check_scale(np.full((1, 1), 2 * FAR, np.float32), trained(scale))
    with pytest.raises(RunError, match=r"lay from -1 to 2, and here lie from 80\.1 to 80\.1: other units"):
        check_scale(np.full((1, 1), 2 * FAR + 0.1, np.float32), trained(scale))
    check_scale(np.full((1, 1), 1e30, np.float32), trained({}))
    with pytest.raises(RunError, match="other units"):
        check_scale(np.full((2, 1), 3e38, np.float32) * [[1], [-1]], trained(scale))


@pytest.mark.skipif(not BONN.exists(), reason="needs the Bonn recordings, ../shared/data/bonn/bonn_eeg.zip")
def test_no_bonn_recording_is_refused_by_what_another_set_trained(caplog):
    with zipfile.ZipFile(BONN) as archive:
        names = [name for name in sorted(archive.namelist()) if name.lower().endswith(".txt")]
        signals = [np.array(archive.read(name).split(), np.float32) for name in names[::5]]
    recordings = np.stack([signal[: 23 * 173].reshape(23, 173, 1) for signal in signals])
    assert len(recordings) == 100
    for first in range(0, 100, 20):
        scale = scale_of(recordings[first : first + 20].reshape(-1, 173, 1))
        for recording in recordings:
            check_scale(recording, trained(scale))
    scale = scale_of(recordings.reshape(-1, 173, 1))
    for recording in recordings:
        with pytest.raises(RunError, match="other units"):
            check_scale(recording * 1000, trained(scale))
    assert told(caplog) == []
