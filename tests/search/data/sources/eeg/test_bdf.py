"""BDF (24 bits) is read as EDF is: every value, its limits and its annotations; no status channel."""

import numpy as np
import pytest
from edfio import Bdf, BdfSignal, EdfAnnotation, read_bdf
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.sources.eeg import edf
from search.data.sources.eeg.edf import blocks
from search.data.sources.eeg.edf_header import open_header
from search.data.sources.eeg.layouts import find
from search.data.sources.eeg.stuck_signals import Stuck
from spaces.eeg import Eeg
from spaces.errors import RunError
from tests.helpers.stored import load

LOW, HIGH = -(2**23), 2**23 - 1
RATE_HZ = 256


def bdf_signal(digital, label: str, unit: str = "uV", rate_hz: float = RATE_HZ) -> BdfSignal:
    return BdfSignal.from_digital(
        np.asarray(digital, dtype=np.int32), rate_hz, label=label, physical_dimension=unit,
        physical_range=(-262144, 262143), digital_range=(LOW, HIGH),
    )  # fmt: skip


def write(path, *signals: BdfSignal, annotations=True):
    Bdf(signals, annotations=[EdfAnnotation(1, None, "Unfall")] if annotations else None).write(path)
    return path


def config(**changes) -> Eeg:
    return Eeg(**{"source": "eeg", "path": ".", "channels": ("Fp1", "F7"), "form": "raw", **changes})


def values_of(read) -> np.ndarray:
    return np.concatenate([block for _, block in read])


def digital(seed: int, seconds: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(LOW, HIGH, seconds * RATE_HZ, endpoint=True)


@pytest.mark.parametrize("annotations", [True, False])
@pytest.mark.parametrize("block_s", [3, 600])
def test_values_are_those_of_edfio(tmp_path, annotations, block_s):
    status = bdf_signal(digital(2), "Status", "Boolean")
    fp1, f7 = (bdf_signal(digital(k), label) for k, label in enumerate(("Fp1", "F7")))
    path = write(tmp_path / "a.bdf", fp1, status, f7, annotations=annotations)
    got = values_of(blocks(path, config(), block_s))
    expected = np.stack([read_bdf(path).signals[k].data for k in (0, 2)], axis=1)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-3)
    assert got.shape == (8 * RATE_HZ, 2)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(LOW, HIGH), min_size=4, max_size=4, unique=True))
def test_every_value_of_24_bits(tmp_path_factory, values):
    path = write(tmp_path_factory.mktemp("bdf") / "a.bdf", bdf_signal(np.tile(values, 64), "Fp1"))
    got = values_of(blocks(path, config(channels=["Fp1"])))[:4, 0]
    expected = [(value - LOW) / (HIGH - LOW) * 524287 - 262144 for value in values]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=0.04)


def test_blocks_of_many_channels_are_smaller_and_the_values_are_the_same(tmp_path, monkeypatch):
    path = write(tmp_path / "a.bdf", bdf_signal(digital(0), "Fp1"), bdf_signal(digital(1), "F7"))
    once = values_of(blocks(path, config()))
    monkeypatch.setattr(edf, "BDF_BLOCK_BYTES", 2 * open_header(path).record_bytes)
    several = list(blocks(path, config()))
    assert [len(block) for _, block in several] == [2 * RATE_HZ] * 4
    np.testing.assert_array_equal(values_of(several), once)


def test_limits_are_those_of_24_bits(tmp_path):
    values = digital(0, seconds=20)
    values[: 12 * RATE_HZ] = HIGH
    path = write(tmp_path / "a.bdf", bdf_signal(values, "Fp1"))
    watched: list[tuple[str, Stuck]] = []
    assert len(list(blocks(path, config(channels=["Fp1"]), 3, watched))) == 7
    assert watched[0][1].at_limit_s == 12


def test_the_status_channel_is_no_signal(tmp_path):
    path = write(tmp_path / "a.bdf", bdf_signal(digital(0), "Status", "Boolean"))
    with pytest.raises(RunError, match="the file has no EEG signal that is known"):
        list(blocks(path, config()))


def test_a_truncated_one_is_refused(tmp_path):
    path = write(tmp_path / "a.bdf", bdf_signal(digital(0), "Fp1"))
    path.write_bytes(path.read_bytes()[:-RATE_HZ])
    with pytest.raises(RunError, match="this one is truncated: it holds 7 of 8 s"):
        open_header(path)


def test_layouts_find_it_and_rows_are_made_of_it(tmp_path):
    folder = tmp_path / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    write(folder / "sub-01_task-rest_eeg.BDF", bdf_signal(digital(0), "Fp1"), bdf_signal(digital(1), "F7"))
    (folder / "sub-01_task-rest_events.tsv").write_text("onset\tduration\teventType\n2\t3\tsz\n")
    rows = load(config(), tmp_path)
    assert rows.y.tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    assert set(rows.recordings.tolist()) == {"sub-01/eeg/sub-01_task-rest_eeg"}
    write(folder / "sub-01_task-rest_eeg.edf", bdf_signal(digital(0), "Fp1"))
    with pytest.raises(RunError, match="every recording needs a name of its own"):
        find(tmp_path, config())


@pytest.mark.parametrize(
    ("name", "beside", "text"),
    [
        ("chb05_06.bdf", "chb05-summary.txt", "File Name: chb05_06.{}\nNumber of Seizures in File: 1\n"
         "Seizure Start Time: 2 seconds\nSeizure End Time: 5 seconds\n"),
        ("PN00-1.bdf", "Seizures-list-PN00.txt", "Seizure n 1\nFile name: PN00-1.{}\n"
         "Registration start time: 19.00.00\nRegistration end time: 19.00.08\n"
         "Seizure start time: 19.00.02\nSeizure end time: 19.00.05\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["edf", "bdf"])
def test_annotations_may_name_the_file_before_or_after_it_was_converted(tmp_path, name, beside, text, suffix):
    write(tmp_path / name, bdf_signal(digital(0), "Fp1"), bdf_signal(digital(1), "F7"))
    (tmp_path / beside).write_text(text.format(suffix))
    assert load(config(), tmp_path).y.tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
