"""Events of a recording with gaps are those of its stretches: nothing is joined over a gap."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.rows import Recording, counted
from search.events.evaluation import cross_fit_events, decided_counts, decided_patients
from search.events.intervals import coverage, detected, detections, windows_of
from search.events.timelines import find_timeline
from search.events.unlabelled_seizures import unmarked
from search.scores.calibration import CALIBRATIONS
from search.scores.half_splits import draw_halves
from search.scores.metrics import decide
from search.scores.reference import Reference
from spaces.policies import MaxF1
from spaces.study import Events
from tests.helpers.stored import some_rows

JOINING = Events(merge_gaps_s=60, scorer="ovlp")
GAPPED = Recording("r", "p", 60.0, ((5.0, 9.0), (50.0, 55.0)), ((0.0, 20.0), (40.5, 60.0)))


def starts_of(recording: Recording) -> np.ndarray:
    """Windows of one second, from the start of each stretch on."""
    return np.concatenate(
        [np.arange(begin, begin + part.duration_s - 0.99) for begin, part in recording.parts()]
    )


def rows_of(*recordings: Recording, **changes):
    starts = [starts_of(one) for one in recordings]
    n = sum(map(len, starts))
    y = [
        [any(a <= t < b for a, b in one.seizures) for t in s]
        for one, s in zip(recordings, starts, strict=True)
    ]
    known = {
        "x": np.zeros((n, 6), np.float32),
        "y": np.concatenate(y).astype(np.int8),
        "groups": np.concatenate([np.full(len(s), r.group) for r, s in zip(recordings, starts, strict=True)]),
        "recordings": np.concatenate(
            [np.full(len(s), r.name) for r, s in zip(recordings, starts, strict=True)]
        ),
        "times": np.concatenate(starts),
        "window_s": 1.0,
        "parts": None,
        "timeline": tuple(recordings),
    }
    return some_rows(**known | changes)


def test_an_alarm_is_never_joined_over_a_gap():
    starts = starts_of(GAPPED)
    decided = np.isin(starts, [10, 15, 18, 19, 40.5, 58.5])
    found = detections(starts, 1.0, decided, 60.0, JOINING, GAPPED.stretches)
    assert found == ((10.0, 20.0), (40.5, 59.5))
    assert detections(starts, 1.0, decided, 60.0, JOINING) == ((10.0, 59.5),)
    touching = ((0.0, 20.0), (20.05, 39.05))  # by less than what joins windows of one stretch
    starts = np.concatenate([np.arange(20.0), 20.05 + np.arange(19)])
    every = np.ones(39, bool)
    assert detections(starts, 1.0, every, 39.05, Events(merge_gaps_s=1), touching) == touching


lengths = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4)


@settings(deadline=None)
@given(st.lists(lengths, min_size=1, max_size=3), st.data())
def test_stretches_equal_recordings_of_their_own(shapes, data):
    """Rows in any order; a whole recording and several with gaps, on quarters of seconds."""
    recordings = [Recording("whole", "w", 4.0, ())]
    for k, shape in enumerate(shapes):
        at, stretches = 0.0, []
        for gap, length in shape:
            stretches.append((at + gap / 4, at + gap / 4 + length))
            at = stretches[-1][1]
        recordings.append(Recording(f"r{k}", "p", at, (), tuple(stretches)))
    rows = rows_of(*recordings)
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    decided = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), bool)
    rules = Events(merge_gaps_s=2.5, drop_shorter_s=1.5)
    windows = windows_of(recordings, rows.recordings[order], rows.times[order], 1.0)
    found = iter(zip(windows.recordings, detected(windows, decided[order], rules), strict=True))
    for recording in recordings:
        for begin, part in recording.parts():
            mine = (rows.recordings == recording.name) & (rows.times >= begin)
            mine &= rows.times < begin + part.duration_s
            expected = detections(rows.times[mine] - begin, 1.0, decided[mine], part.duration_s, rules)
            assert next(found) == (part, expected)
    assert coverage(windows) == 1


def test_hours_and_seizures_are_those_recorded():
    rows = rows_of(GAPPED, Recording("s", "q", 60.0, ()))
    found = find_timeline(rows, np.arange(len(rows)))
    assert found.recordings == rows.timeline
    assert found.told == (
        "event scores: recordings 2 in 3 stretches (gaps of 20.5 s in all), hours 0.02764, seizures by "
        "annotation 2"
    )
    assert counted(rows.timeline[1:]) == "1"


def test_stretches_without_rows_do_not_count():
    """As where blocks of time are dealt to the parts."""
    rows = rows_of(GAPPED)
    found = find_timeline(rows, np.flatnonzero(rows.times > 30))
    assert found.recordings == (replace(GAPPED, seizures=((50.0, 55.0),), stretches=((40.5, 60.0),)),)


def reference_of(rows, seed: int = 0) -> Reference:
    halves = draw_halves(rows.y, rows.groups, rows.recordings, seed)
    return Reference(
        rows.y, rows.groups, rows.recordings, rows.times, halves, window_s=1.0, timeline=rows.timeline
    )


def test_false_alarms_a_day_are_counted_on_what_was_recorded():
    rows = rows_of(GAPPED, replace(GAPPED, name="s", group="q"))
    reference = reference_of(rows)
    score = np.where((rows.y == 1) | (rows.times == 41.5), 1, -1).astype(np.float32)
    (_, one) = decided_patients(reference, decide(score, 0.0), Events(scorer="ovlp"))
    assert (one.group, one.hours, one.seizures, one.sensitivity) == ("q", 39.5 / 3600, 2, 1.0)
    assert one.fa_per_day == 1 / (39.5 / 86_400)
    assert one.delay_s == 0.25  # 0 and 0.5 s: the second one begins between two windows
    assert int(decided_counts(reference, decide(score, 0.0), Events(scorer="ovlp")).fp) == 2


def test_stretches_of_one_recording_lie_in_one_half():
    """Of one group, halves are drawn by recording: each has two stretches with a seizure."""
    rows = rows_of(*(replace(GAPPED, name=f"r{k}") for k in range(4)))
    reference = reference_of(rows)
    assert reference.halves.by == "recording"
    for half in reference.halves.mask.T:
        for k in range(4):
            assert len(set(half[rows.recordings == f"r{k}"].tolist())) == 1
    raw = np.where(rows.y == 1, 1, -1).astype(np.float32)
    rules = Events(scorer="ovlp")
    policy = MaxF1(policy="max_f1")
    value = cross_fit_events(reference, raw, CALIBRATIONS["none"], policy, "event_f1", rules)
    assert (value.value, value.fa_per_day) == (1.0, 0.0)


def test_a_seizure_without_a_window_is_named_by_the_time_of_the_file():
    seizures = ((5.0, 9.0), (50.6, 50.9))
    rows = rows_of(replace(GAPPED, seizures=seizures))
    assert [str(one) for one in unmarked(rows)] == ["r at 50.6 s for 0.3 s"]
