"""A recording with gaps is read as the stretches between them, in the time of the file."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from edfio import Bdf, EdfAnnotation
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.rows import Recording
from search.data.sources.eeg import record_times
from search.data.sources.eeg.edf import blocks
from search.data.sources.eeg.edf_header import open_header
from search.data.sources.eeg.recordings import plan_recordings, read_recording, windows
from search.data.sources.eeg.stretches import seizures_within, shared, stretch_of
from spaces.eeg import Eeg
from spaces.errors import RunError
from tests.helpers.edf_files import set_record_times
from tests.helpers.stored import load
from tests.search.data.sources.eeg.test_bdf import bdf_signal
from tests.search.data.sources.eeg.test_edf import config, noise, save, signal, two

KINDS = ["+D", "+C", None]
"""How a header may call a file with annotations: whatever it says, the times of records decide."""


def late(records: int, *gaps: tuple[int, float]) -> list[float]:
    """Times of records of 1 s, those from a record on begun later by so many seconds."""
    return [k + sum(by_s for first, by_s in gaps if k >= first) for k in range(records)]


def raw(**changes) -> Eeg:
    return config(form="raw", **changes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("first", "by_s"), [(1, 10), (7, 10), (12, 300), (19, 1), (5, 0.25)])
def test_the_times_of_records_tell_the_stretches_whatever_the_header_says(tmp_path, kind, first, by_s):
    header = open_header(set_record_times(two(tmp_path), late(20, (first, by_s)), kind))
    assert header.recorded == ((0, first), (first + by_s, 20 + by_s))
    assert (header.duration_s, header.discontinuous) == (20 + by_s, kind == "+D")


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_without_gaps_is_read_whatever_the_header_says(tmp_path, kind):
    path = set_record_times(two(tmp_path), [k + 3 for k in late(20)], kind)  # begun after the clock says
    assert open_header(path).recorded == ((0, 20),)
    (tmp_path / "other").mkdir()
    got, expected = (list(blocks(file, config())) for file in (path, two(tmp_path / "other")))
    np.testing.assert_array_equal(got[0][1], expected[0][1])


def test_a_drift_is_never_off_by_more_than_a_tenth_of_a_second(tmp_path):
    """The clock of a recorder that runs late by 3 ms a second."""
    times = [k * 1.003 for k in range(120)]
    header = open_header(set_record_times(two(tmp_path, rate_hz=256, seconds=120), times))
    told = [float(s.begin_s) + k for s in header.stretches for k in range(s.records)]
    assert 3 <= len(told) == 120
    assert np.abs(np.array(told) - times).max() <= 0.1 + 1e-9
    assert len(header.stretches) == 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([*range(10), *range(5, 15)], "record 11 of this recording begins 5 s before the one before it ends"),
        # The last record is where it would be without gaps, so the ends alone tell nothing.
        (late(20, (8, 10), (15, -10)), "record 16 of this recording begins 10 s before the one before it"),
        (late(20, (8, -0.5)), "record 9 of this recording begins 0.5 s before the one before it ends"),
        ([*range(19), 0], "which is after 19 s; its times are damaged, or its records are out of order"),
        (
            late(20, (8, 2 * 10**9)),
            "record 9 of this recording begins 2000000000 s late: its time is damaged",
        ),
    ],
)
def test_records_that_overlap_or_go_back_in_time_are_refused(tmp_path, kind, times, told):
    with pytest.raises(RunError) as refused:
        open_header(set_record_times(two(tmp_path), times, kind))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_record_that_does_not_say_when_it_begins(tmp_path):
    times = [*range(5), None, *range(6, 10), *range(30, 40)]
    with pytest.raises(RunError, match=r"discontinuous recording .* must say when they begin, but those"):
        open_header(set_record_times(two(tmp_path), times))
    assert open_header(set_record_times(two(tmp_path), times, "+C")).recorded == ((0, 10), (30, 40))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 11), st.sampled_from([0.5, 3.0, 20.0])), max_size=4))
def test_stretches_equal_the_slow_rule(tmp_path_factory, gaps):
    times = late(12, *gaps)
    path = set_record_times(two(tmp_path_factory.mktemp("edf"), rate_hz=64, seconds=12), times)
    found = open_header(path).stretches
    assert [s.first for s in found] == [
        0,
        *(k + 1 for k, (a, b) in enumerate(pairwise(times)) if b - a > 1.1),
    ]
    assert [s.begin_s for s in found] == [Fraction(times[s.first]) for s in found]
    assert sum(s.records for s in found) == 12


@pytest.mark.parametrize("rate_hz", [256, 512, 200])
@pytest.mark.parametrize("filters", [{}, {"bandpass_hz": (1, 40), "notch_hz": 50}])
@pytest.mark.parametrize("block_s", [4, 600])
def test_each_stretch_is_what_a_file_of_its_own_gives(tmp_path, rate_hz, filters, block_s):
    """Resampling and filters begin anew: nothing rings over a gap, and its edges are those of a recording."""
    values = np.stack([noise(30 * rate_hz, k) + 400 * k for k in range(2)])
    values[:, 12 * rate_hz :] += 1500
    labels = ("Fp1", "F7")
    whole = save(tmp_path / "whole.edf", *map(signal, values, (rate_hz, rate_hz), labels))
    set_record_times(whole, late(30, (12, 7.25), (25, 100)))
    got: dict[float, list[np.ndarray]] = {}
    for begin_s, block in blocks(whole, config(**filters), block_s):
        got.setdefault(begin_s, []).append(block)
    assert list(got) == [0, 19.25, 132.25]
    for begin_s, (first, last) in zip(got, [(0, 12), (12, 25), (25, 30)], strict=True):
        own = values[:, first * rate_hz : last * rate_hz]
        alone = save(tmp_path / "own.edf", *map(signal, own, (rate_hz, rate_hz), labels))
        expected = np.concatenate([block for _, block in blocks(alone, config(**filters))])
        np.testing.assert_allclose(np.concatenate(got[begin_s]), expected, rtol=0, atol=1e-4)


def gapped(folder, kind: str | None = "+D", seconds: int = 30, events: str = "25\t10\tsz\n", **changes):
    """BIDS: 30 s, the second half recorded 10 s later; by default with a seizure from 25 to 35 s."""
    (folder / "sub-01").mkdir()
    made = [signal(noise(seconds * 256, k), 256, label) for k, label in enumerate(("Fp1", "F7"))]
    path = save(folder / "sub-01" / "sub-01_task-rest_eeg.edf", *made)
    set_record_times(path, changes.get("times", late(seconds, (15, 10))), kind)
    (folder / "sub-01" / "sub-01_task-rest_events.tsv").write_text(f"onset\tduration\teventType\n{events}")
    return path


NAME = "sub-01/sub-01_task-rest_eeg"


@pytest.mark.parametrize("kind", KINDS)
def test_labels_fall_on_the_windows_of_the_files_own_clock(tmp_path, kind):
    gapped(tmp_path, kind)
    rows = load(raw(), tmp_path)
    assert rows.times.tolist() == [*range(15), *range(25, 40)]
    assert rows.times[rows.y == 1].tolist() == list(range(25, 35))
    assert set(rows.recordings.tolist()) == {NAME}
    assert rows.timeline == (Recording(NAME, "sub-01", 40.0, ((25.0, 35.0),), ((0.0, 15.0), (25.0, 40.0))),)


def test_no_window_reaches_over_a_gap(tmp_path):
    path = gapped(tmp_path, times=late(30, (15, 10.3)))
    starts = np.concatenate([s for s, _ in windows(path, raw(window_s=4, step_s=0.75))])
    expected = [0.75 * k for k in range(15)] + [25.3 + 0.75 * k for k in range(15)]
    np.testing.assert_allclose(starts, expected, atol=0.002)  # to the nearest sample


def said(folder, **changes):
    found = [piece for job in plan_recordings(raw(**changes), folder).jobs for piece in read_recording(job)]
    return [n for piece in found for n in piece.notes], [d for piece in found for d in piece.doubts]


def test_gaps_are_told_and_doubted_where_the_header_tells_of_none(tmp_path):
    gapped(tmp_path)
    told = f"{NAME}: 1 gap between its records, 10 s in all, the first after 15 s: read as 2 stretches"
    assert said(tmp_path) == ([told], [])
    path = tmp_path / "sub-01" / "sub-01_task-rest_eeg.edf"
    set_record_times(path, late(30, (15, 10)), None)
    assert said(tmp_path) == ([], [f"{told}; its header tells of none"])


def test_a_stretch_shorter_than_a_window_is_left_out_and_said(tmp_path):
    gapped(tmp_path, times=late(30, (15, 10), (17, 5)), events="3\t2\tsz\n")
    rows = load(raw(window_s=3), tmp_path)
    assert rows.times.tolist() == [0, 3, 6, 9, 12, 32, 35, 38, 41]
    assert rows.timeline == (Recording(NAME, "sub-01", 45.0, ((3.0, 5.0),), ((0.0, 15.0), (32.0, 45.0))),)
    assert said(tmp_path, window_s=3)[0] == [
        f"{NAME}: 2 gaps between its records, 15 s in all, the first after 15 s: read as 2 stretches, "
        "1 shorter than a window of 3 s left out (2 s)"
    ]


def test_a_recording_of_which_no_stretch_holds_a_window(tmp_path):
    gapped(tmp_path, times=[2 * k for k in range(30)], events="0\t1\tsz\n")
    with pytest.raises(RunError) as refused:
        list(said(tmp_path, window_s=3))
    assert str(refused.value) == (
        f"{NAME}: a recording must hold a window of 3 s, but its gaps part this one into 30 stretches, all "
        "of which are shorter"
    )


def test_a_seizure_over_a_gap_is_cut_in_two(tmp_path):
    gapped(tmp_path, events="12\t16\tsz\n")
    rows = load(raw(), tmp_path)
    assert rows.times[rows.y == 1].tolist() == [12, 13, 14, 25, 26, 27]
    assert rows.timeline[0].seizures == ((12.0, 15.0), (25.0, 28.0))
    assert said(tmp_path)[0][1:] == [f"{NAME}: seizures cut at gaps"]


def test_what_remains_of_a_seizure_is_no_shorter_than_times_are_off():
    recorded = [(0.0, 15.0), (25.0, 40.0)]
    assert seizures_within([(12.0, 25.05), (30.0, 30.05)], recorded, mend=False) == (
        ((12.0, 15.0), (30.0, 30.05)),
        ("seizures cut at gaps",),
    )
    assert seizures_within([(14.2, 15.9)], recorded, mend=False) == (((14.2, 15.0),), ())
    with pytest.raises(RunError, match=r"one is at 16 to 25\.05 s, in a gap"):
        seizures_within([(16.0, 25.05)], recorded, mend=False)


def test_a_seizure_in_a_gap_is_refused_or_dropped(tmp_path):
    gapped(tmp_path, events="16\t4\tsz\n30\t2\tsz\n")
    with pytest.raises(RunError) as refused:
        said(tmp_path)
    assert str(refused.value) == (
        f"{NAME}: a seizure must lie within the signal, but one is at 16 to 20 s, in a gap between its "
        "records; onsets count from the first record, gaps included"
    )
    assert said(tmp_path, bad_annotations="mend")[0][1:] == [f"{NAME}: 1 seizure in a gap dropped"]
    assert load(raw(bad_annotations="mend"), tmp_path).timeline[0].seizures == ((30.0, 32.0),)


def test_a_seizure_without_an_end_and_a_gap(tmp_path):
    gapped(tmp_path, events="5\tn/a\tsz\n30\t2\tsz\n")
    rows = load(raw(bad_annotations="mend"), tmp_path)
    assert rows.times.tolist() == [*range(5), *range(30, 40)]
    assert rows.timeline[0].stretches == ((0.0, 5.0), (30.0, 40.0))
    assert said(tmp_path, bad_annotations="mend")[0][1:] == [
        f"{NAME}: 1 seizure without an end left out, with the 15 s after the start"
    ]


def test_a_flat_stretch_is_stuck_and_a_flat_recording_is_bad(tmp_path):
    values = noise(30 * 256)
    values[15 * 256 :] = 100
    path = save(tmp_path / "a.edf", signal(values, 256, "Fp1"), signal(np.full(7680, 100.0), 256, "F7"))
    set_record_times(path, late(30, (15, 10)))
    watched: list = []
    assert len(list(blocks(path, config(channels=["Fp1"]), watched=watched))) == 2
    assert watched[0][1].constant_s == 15
    with pytest.raises(RunError, match="channel F7 is flat over the whole recording"):
        list(blocks(path, config()))


def test_a_constant_stretch_is_not_joined_over_a_gap(tmp_path):
    values = noise(30 * 256)
    values[15 * 256 - 200 : 15 * 256 + 200] = 100
    path = save(tmp_path / "a.edf", signal(values, 256, "Fp1"))
    for gap_s, constant_s in ((0, 400 / 256), (10, 0)):
        watched: list = []
        set_record_times(path, late(30, (15, gap_s)))
        assert sum(len(block) for _, block in blocks(path, config(channels=["Fp1"]), 4, watched)) == 7680
        assert watched[0][1].constant_s == constant_s


def test_signals_of_one_name_differ_at_a_time_of_the_file(tmp_path):
    one, other = noise(30 * 256), noise(30 * 256)
    other[20 * 256 :] += 50
    path = save(tmp_path / "a.edf", signal(one, 256, "Fp1"), signal(other, 256, "Fp1"))
    set_record_times(path, late(30, (15, 10)))
    with pytest.raises(RunError, match="those called Fp1 differ from 30 s on"):
        list(blocks(path, config(channels=["Fp1"])))


def test_bdf_is_read_alike(tmp_path):
    values = np.random.default_rng(0).integers(-9999, 9999, (2, 30 * 256))
    path = tmp_path / "a.bdf"
    Bdf(
        [bdf_signal(one, label) for one, label in zip(values, ("Fp1", "F7"), strict=True)],
        annotations=[EdfAnnotation(0, None, "Unfall")],
    ).write(path)
    expected = np.concatenate([block for _, block in blocks(path, raw())])
    set_record_times(path, late(30, (15, 10)))
    got = list(blocks(path, raw()))
    assert [begin_s for begin_s, _ in got] == [0, 25]
    np.testing.assert_array_equal(np.concatenate([block for _, block in got]), expected)


halves = st.integers(0, 40).map(lambda n: n / 2)
intervals = st.lists(halves, max_size=8, unique=True).map(
    lambda edges: list(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
)


@settings(deadline=None)
@given(intervals, intervals)
def test_what_two_sets_of_intervals_share_and_which_window_lies_in_which(some, others):
    both = shared(some, others)
    for t in np.arange(0, 20, 0.5) + 0.25:
        inside = [any(a <= t < b for a, b in one) for one in (some, others)]
        assert any(a <= t < b for a, b in both) == all(inside)
    starts = np.arange(0, 20, 0.5)
    slow = [
        next((k for k, (a, b) in enumerate(both) if a <= t and t + 1 <= (b if b < 20 else np.inf)), -1)
        for t in starts
    ]
    assert stretch_of(starts, 1.0, both, 20.0).tolist() == slow
    assert seizures_within(some, [(0.0, 20.0)], mend=False) == (tuple(some), ())


def test_the_time_of_every_record_is_read_quickly(tmp_path):
    """A day of records of one second: a fraction of what reading the signal takes."""
    path = tmp_path / "day.bin"
    records, size = 86_400, 32
    path.write_bytes(b"".join(f"+{k}\x14\x14".encode().ljust(size, b"\0") for k in range(records)))
    with path.open("rb") as file:
        found = record_times.read_stretches(
            file.fileno(), 0, size, size, records, Fraction(1), discontinuous=True
        )
    assert found == (record_times.Stretch(0, records, Fraction(0)),)
