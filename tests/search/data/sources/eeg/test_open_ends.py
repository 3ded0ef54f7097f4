"""Seizures without an end are refused, get the length that a study names, or are left out and counted."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from search.data.rows import Recording
from search.data.sources.eeg.open_ends import closed, known
from search.data.sources.eeg.recordings import plan_recordings, read_recording
from spaces.eeg import Eeg
from spaces.errors import RunError
from tests.helpers.edf_files import write_edf
from tests.helpers.stored import load

NAN = math.nan
SECONDS = 60


def test_refused_unless_mended():
    with pytest.raises(RunError) as error:
        closed([(1, 2), (8971, NAN)], mend=False, assumed_duration_s=None)
    assert str(error.value) == (
        "annotation without an end: a seizure needs both, but the one at 8971 s has a start alone; "
        "data.bad_annotations: mend leaves out what follows it, or gives it data.assumed_duration_s"
    )
    assert closed([(1, 2)], mend=False, assumed_duration_s=None) == (((1, 2),), (), ())


def test_given_the_length_that_the_study_names():
    assert closed([(30, NAN), (1, 2), (50, NAN)], True, 20) == (
        ((1, 2), (30, 50), (50, 70)),
        (),
        ("2 seizures without an end taken to last 20 s (data.assumed_duration_s)",),
    )
    assert closed([(30, NAN), (1, 2)], True, None) == (((1, 2),), (30,), ())


@pytest.mark.parametrize(
    ("open_s", "seizures", "kept", "note"),
    [
        ([], [(1, 2)], ((0, 60),), None),
        ([20], [], ((0, 20),), "1 seizure without an end left out, with the 40 s after the start"),
        ([20], [(5, 9), (30, 40)], ((0, 20), (30, 60)), "left out, with the 10 s after the start"),
        ([35], [(30, 40)], ((0, 40),), "left out, with the 20 s after the start"),
        ([20, 25], [(30, 40)], ((0, 20), (30, 60)), "2 seizures without an end left out, with the 10 s"),
        ([-3], [(30, 40)], ((30, 60),), "left out, with the 30 s after the start"),
        ([0], [], (), "left out, with the 60 s after the start"),
        ([60, 8971], [], ((0, 60),), "2 seizures without an end past the end of the signal dropped"),
    ],
)
def test_what_follows_is_left_out_up_to_the_next_seizure(open_s, seizures, kept, note):
    found, notes = known(open_s, seizures, ((0.0, 60.0),))
    assert found == kept
    assert (note in notes[0]) if note else not notes


halves = st.integers(0, 60).map(lambda n: n / 2)


@settings(deadline=None)
@given(st.lists(halves, max_size=4), st.lists(halves, max_size=8, unique=True))
def test_stretches_equal_the_slow_rule(open_s, edges):
    edges = sorted(edges)[: len(edges) // 2 * 2]
    seizures = list(zip(edges[::2], edges[1::2], strict=True))
    kept, _ = known(sorted(open_s), seizures, ((0.0, 25.0),))
    assert all(a < b for a, b in kept)
    assert all(b <= c for (_, b), (c, _) in pairwise(kept))
    for t in np.arange(0, 25, 0.5) + 0.25:
        within = any(s <= t < e for s, e in seizures)
        going_on = any(o < t and not any(o < s < t for s, _ in seizures) for o in open_s)
        assert any(a <= t < b for a, b in kept) == (within or not going_on)
    for start, end in seizures:  # a seizure with an end is never cut
        if end <= 25:
            assert any(a <= start and end <= b for a, b in kept)


def test_it_stays_unknown_over_a_gap_and_hours_lost_are_recorded_ones():
    recorded = ((0.0, 25.0), (40.0, 60.0))
    assert known([20], [(50, 55)], recorded) == (
        ((0.0, 20.0), (50.0, 60.0)),
        ("1 seizure without an end left out, with the 15 s after the start",),
    )


def test_a_stretch_is_a_recording_of_its_own():
    seizures = ((5.0, 9.0), (30.5, 40.0))
    whole = Recording("r", "p", 60.0, seizures)
    assert (whole.parts(), whole.recorded_s) == (((0.0, whole),), 60.0)
    parted = Recording("r", "p", 60.0, seizures, ((0.0, 20.0), (30.5, 60.0)))
    assert parted.parts() == (
        (0.0, Recording("r", "p", 20.0, ((5.0, 9.0),))),
        (30.5, Recording("r from 30.5 s", "p", 29.5, ((0.0, 9.5),))),
    )
    assert parted.recorded_s == 49.5


@pytest.fixture
def folder(tmp_path):
    """A recording with seizures from 5 to 9 s, from 20 s on, and from 30.5 to 40 s."""
    signals = np.random.default_rng(0).normal(size=(2, SECONDS * 256)) * 50
    write_edf(tmp_path / "P_ID07_r1.edf", signals, channels=["Fp1", "F7"])
    (tmp_path / "P_ID07_r1_a1.tsv").write_text("5\t9\tFIA\n20\tNone\tFIA\n30.5\t40\tFIA\n")
    return tmp_path


def config(**changes) -> Eeg:
    settings = {"source": "eeg", "path": ".", "channels": ("Fp1", "F7"), "form": "raw", **changes}
    return Eeg(**settings)


def pieces(folder, **changes):
    return [piece for job in plan_recordings(config(**changes), folder).jobs for piece in read_recording(job)]


def test_a_recording_keeps_its_other_seizures(folder):
    with pytest.raises(RunError, match="the one at 20 s has a start alone"):
        pieces(folder)
    rows = load(config(bad_annotations="mend"), folder)
    assert rows.timeline == (
        Recording("P_ID07_r1", "P_ID07", 60.0, ((5.0, 9.0), (30.5, 40.0)), ((0.0, 20.0), (30.5, 60.0))),
    )
    assert set(rows.recordings.tolist()) == {"P_ID07_r1"}
    assert rows.times.tolist() == [*range(20), *range(31, 60)]  # the window of 30 s is left out
    assert np.flatnonzero(rows.y).tolist() == [5, 6, 7, 8, *range(20, 29)]
    whole = load(config(bad_annotations="mend", assumed_duration_s=3), folder)
    kept = [*range(20), *range(31, 60)]
    np.testing.assert_array_equal(rows.x, whole.x[kept])
    assert rows.groups.tolist() == ["P_ID07"] * 49


def test_the_notes_count_what_was_left_out_or_assumed(folder):
    def notes(**changes):
        return [note for piece in pieces(folder, bad_annotations="mend", **changes) for note in piece.notes]

    assert notes() == ["P_ID07_r1: 1 seizure without an end left out, with the 10.5 s after the start"]
    assert notes(assumed_duration_s=4) == [
        "P_ID07_r1: 1 seizure without an end taken to last 4 s (data.assumed_duration_s)"
    ]


def test_an_assumed_length_makes_a_seizure(folder):
    rows = load(config(bad_annotations="mend", assumed_duration_s=4), folder)
    assert rows.timeline == (Recording("P_ID07_r1", "P_ID07", 60.0, ((5, 9), (20, 24), (30.5, 40))),)
    assert rows.y[20:25].tolist() == [1, 1, 1, 1, 0]


def test_windows_that_overlap_stop_before_the_start(folder):
    rows = load(config(bad_annotations="mend", window_s=4, step_s=1), folder)
    assert rows.times[rows.times < 30].tolist() == list(range(17))


def test_a_recording_of_which_nothing_is_known(folder):
    (folder / "P_ID07_r1_a1.tsv").write_text("0\tNone\tFIA\n")
    with pytest.raises(RunError) as error:
        pieces(folder, bad_annotations="mend")
    assert str(error.value) == (
        "P_ID07_r1: no window is left but those after a seizure without an end, at 0 s"
    )


def test_bids_says_n_a(tmp_path):
    signals = np.random.default_rng(0).normal(size=(2, SECONDS * 256)) * 50
    write_edf(tmp_path / "sub-01_task-rest_eeg.edf", signals, channels=["Fp1", "F7"])
    (tmp_path / "sub-01_task-rest_events.tsv").write_text(
        "onset\tduration\teventType\n20\tn/a\tsz\n30.5\t9.5\tsz\n"
    )
    assert len(load(config(bad_annotations="mend"), tmp_path)) == 49


def test_a_length_is_assumed_under_mend_alone():
    with pytest.raises(ValidationError, match="assumed_duration_s needs bad_annotations: mend"):
        config(assumed_duration_s=30)
    with pytest.raises(ValidationError):
        config(bad_annotations="mend", assumed_duration_s=0)


def test_what_can_be_done_names_no_setting_that_is_set(tmp_path):
    (tmp_path / "P_ID07_r1.edf").touch()
    assert "bad_annotations: mend" in plan_recordings(config(), tmp_path).remedy
    assert plan_recordings(config(bad_annotations="mend"), tmp_path).remedy == (
        "mend or remove them; data.on_bad_file: skip leaves files out"
    )
