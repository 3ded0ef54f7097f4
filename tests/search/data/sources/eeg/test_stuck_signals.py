"""Seconds at a digital limit, and of no change, are counted for each signal, however blocks are cut."""

from itertools import groupby

import numpy as np
import pytest
from edfio import Edf, EdfSignal
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.sources.eeg.edf import blocks
from search.data.sources.eeg.recordings import plan_recordings, read_recording
from search.data.sources.eeg.stuck_signals import Stuck, told
from spaces.eeg import Eeg

LIMITS = (-4, 4)
RATE_HZ = 3.0


def slow(values) -> tuple[float, float]:
    at_limit = sum(v <= LIMITS[0] or v >= LIMITS[1] for v in values)
    runs = [(value, len(list(same))) for value, same in groupby(values)]
    constant = sum(n for value, n in runs if n >= RATE_HZ and LIMITS[0] < value < LIMITS[1])
    return at_limit / RATE_HZ, constant / RATE_HZ


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 7)), max_size=12), st.lists(st.integers(0, 40)))
def test_blocks_equal_the_slow_count(runs, cuts):
    values = np.array([value for value, count in runs for _ in range(count)], dtype=np.int16)
    stuck = Stuck(LIMITS, RATE_HZ)
    for part in np.split(values, sorted(cut for cut in cuts if cut < len(values))):
        stuck.include(part)
    assert stuck.count == len(values)
    assert (stuck.at_limit_s, stuck.constant_s) == slow(values.tolist())


def test_what_is_told():
    quiet, bad = Stuck(LIMITS, RATE_HZ), Stuck(LIMITS, RATE_HZ)
    quiet.include(np.array([0, 1, 1, 4, -4]))
    bad.include(np.array([4] * 36 + [0] * 9 + [1, -4]))
    assert told([("Fp1", quiet)]) == ()
    assert told([("Fp1", quiet), ("F7", bad)]) == (
        "F7 at its digital limit for 12.33 s, F7 constant for 3 s",
    )


def write(path, rate_hz: float, seconds: int = 60) -> None:
    """Fp1 at the upper limit from 10 to 22 s and at the lower one from 30 to 33 s, F7 constant from 40 s."""
    rng = np.random.default_rng(0)
    fp1, f7, f3 = rng.integers(-900, 900, size=(3, round(seconds * rate_hz))).astype(np.int16)
    fp1[round(10 * rate_hz) : round(22 * rate_hz)] = 2047
    fp1[round(30 * rate_hz) : round(33 * rate_hz)] = -2048
    f7[round(40 * rate_hz) :] = 0
    f3[0] = 2047
    Edf(
        [
            EdfSignal.from_digital(
                values, rate_hz, label=label, physical_dimension="uV", digital_range=(-2048, 2047),
                physical_range=(-800, 800),
            )
            for values, label in ((fp1, "EEG Fp1"), (f7, "EEG F7"), (f3, "EEG F3"))
        ]
    ).write(path)  # fmt: skip


@pytest.mark.parametrize("rate_hz", [256, 500])
@pytest.mark.parametrize("filters", [{}, {"bandpass_hz": (1, 40)}])
@pytest.mark.parametrize("block_s", [7, 600])
def test_samples_are_counted_once(tmp_path, rate_hz, filters, block_s):
    write(tmp_path / "a.edf", rate_hz)
    watched: list[tuple[str, Stuck]] = []
    config = Eeg(source="eeg", path=".", channels=("Fp1", "F7", "F3"), **filters)
    for _ in blocks(tmp_path / "a.edf", config, block_s, watched):
        pass
    assert [name for name, _ in watched] == ["Fp1", "F7", "F3"]
    assert [round(stuck.at_limit_s, 2) for _, stuck in watched] == [15, 0, 0]
    assert [round(stuck.constant_s, 2) for _, stuck in watched] == [0, 20, 0]
    assert told(watched) == ("Fp1 at its digital limit for 15 s, F7 constant for 20 s",)


def test_a_recording_says_it_once_with_its_last_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("search.data.sources.eeg.recordings.VALUES_AT_ONCE", 20 * 256 * 2)
    write(tmp_path / "P_ID07_r1.edf", 256)
    (tmp_path / "P_ID07_r1_a1.tsv").write_text("5\t9\tFIA\n")
    config = Eeg(source="eeg", path=".", channels=("Fp1", "F7"), form="raw")
    (job,) = plan_recordings(config, tmp_path).jobs
    pieces = list(read_recording(job))
    assert [len(piece.y) for piece in pieces] == [20, 20, 20]
    assert [piece.doubts for piece in pieces] == [
        (), (), ("P_ID07_r1: Fp1 at its digital limit for 15 s, F7 constant for 20 s",)
    ]  # fmt: skip
    assert [len(piece.timeline) for piece in pieces] == [0, 0, 1]
