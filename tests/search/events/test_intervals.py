"""Windows become the events that a loop over milliseconds finds; float noise splits none."""

import json
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timescoring.scoring import EventScoring

from search.data.rows import Labels, Recording, Rows
from search.events.intervals import coverage, detected, detections, windows_of
from search.events.patients import Patient, per_patient
from search.events.scoring import (
    EVENT_METRICS,
    PARAMETERS,
    EventCounts,
    score_events,
    scorer_parameters,
    summed_by_group,
)
from search.events.timelines import find_timeline, timeline_of
from spaces.errors import RunError
from spaces.study import Events
from tests.helpers import event_reference
from tests.helpers.seizures import event_metrics

ALONE = Events()


def recording(name="r", group="p", duration_s=100.0, seizures=()):
    return Recording(name, group, duration_s, tuple(seizures))


def text(*values):
    return np.array(values, np.str_)


@st.composite
def decisions(draw):
    """Starts in whole milliseconds, not sorted, window, decisions and duration, all small enough to meet."""
    unit = draw(st.sampled_from([1, 5, 100, 250]))
    starts = draw(st.lists(st.integers(0, 60), max_size=25).map(np.array)).astype(int) * unit
    window = draw(st.integers(1, 8)) * unit
    decided = np.array(draw(st.lists(st.booleans(), min_size=starts.size, max_size=starts.size)), bool)
    duration = max(starts, default=0) + draw(st.integers(1, 10)) * unit
    return starts, window, decided, int(duration)


@given(decisions(), st.integers(0, 1500), st.integers(0, 1500))
@settings(deadline=None, max_examples=300)
def test_events_equal_those_of_a_loop(data, drop, merge):
    starts, window, decided, duration = data
    rules = Events(drop_shorter_s=drop / 1000, merge_gaps_s=merge / 1000)
    slow = event_reference.events_ms(starts.tolist(), window, decided, duration, drop, merge)
    fast = detections(starts / 1000, window / 1000, decided, duration / 1000, rules)
    assert fast == tuple((start / 1000, stop / 1000) for start, stop in slow)


@pytest.mark.parametrize(("step", "window"), [(0.1, 0.1), (0.1, 0.3), (64 / 300, 64 / 300), (1 / 3, 1 / 3)])
def test_float_noise_splits_no_event(step, window):
    starts = np.arange(1000) * step
    times = np.cumsum(np.full(1000, step)) - step  # noisier still
    for noisy in (starts, times, starts.astype(np.float32).astype(float)):
        found = detections(noisy, window, np.ones(1000, bool), 1e4, ALONE)
        assert len(found) == 1
        assert found[0] == pytest.approx((0, 999 * step + window), abs=1e-3)


def test_short_events_are_dropped_before_gaps_are_closed():
    starts, decided = np.arange(8.0), np.array([1, 0, 1, 0, 1, 1, 0, 1], bool)
    assert detections(starts, 1.0, decided, 8.0, ALONE) == ((0, 1), (2, 3), (4, 6), (7, 8))
    assert detections(starts, 1.0, decided, 8.0, Events(merge_gaps_s=1.5)) == ((0, 8),)
    assert detections(starts, 1.0, decided, 8.0, Events(merge_gaps_s=1.0)) == ((0, 1), (2, 3), (4, 6), (7, 8))
    assert detections(starts, 1.0, decided, 8.0, Events(drop_shorter_s=2.0)) == ((4, 6),)
    assert detections(starts, 1.0, decided, 8.0, Events(drop_shorter_s=1.1, merge_gaps_s=1.5)) == ((4, 6),)


def test_windows_end_with_their_recording():
    assert detections(np.array([0.0, 9.5]), 4.0, np.array([False, True]), 10.0004, ALONE) == ((9.5, 10.0),)
    assert detections(np.array([9.5]), 4.0, np.array([True]), 10.9996, ALONE) == ((9.5, 10.9996),)


def test_overlapping_windows_join_across_a_negative_one():
    starts = np.arange(5) * 0.5
    assert detections(starts, 1.0, np.array([1, 0, 1, 0, 0], bool), 9.0, ALONE) == ((0, 2),)


def test_a_gap_of_a_millisecond_is_none():
    starts = np.array([0, 1, 3, 7]) / 1000
    for middle in (False, True):
        decided = np.array([True, middle, True, True])
        assert detections(starts, 0.002, decided, 1.0, ALONE) == ((0, 0.005), (0.007, 0.009))


def test_rows_find_their_recordings_in_any_order():
    recordings = (recording("b"), recording("none"), recording("a"))
    names, times = text("a", "b", "a", "b", "a"), np.array([1.0, 5, 0, 6, 9])
    windows = windows_of(recordings, names, times, 1.0)
    assert detected(windows, np.array([1, 1, 1, 0, 1], bool), ALONE) == (((5, 6),), (), ((0, 2), (9, 10)))


@pytest.mark.parametrize(
    ("names", "times", "window_s", "message"),
    [
        (
            ["r", "x"],
            [0, 1],
            1.0,
            "whose length is known, but 1 recordings are not among them, the first 'x'",
        ),
        (
            ["r", "r"],
            [0, 100],
            1.0,
            "start within their recording, but one starts at 100 s of the 100 s of 'r'",
        ),
        (["r", "r"], [-1, 1], 1.0, "start within their recording, but one starts at -1 s"),
        (["r"], [0, 1], 1.0, r"needs a recording and a time, but got \(1,\), \(2,\)"),
        (["r", "r"], [0, 1], 0.0, "window_s must be at least 0.001, but got 0.0"),
    ],
)
def test_windows_that_fit_no_recording_are_refused(names, times, window_s, message):
    with pytest.raises(ValueError, match=message):
        windows_of((recording(),), text(*names), np.array(times, float), window_s)
    with pytest.raises(ValueError, match="different names, but 2 share 1"):
        windows_of((recording(), recording()), text("r"), np.zeros(1), 1.0)
    windows = windows_of((recording(),), text("r"), np.zeros(1), 1.0)
    with pytest.raises(ValueError, match=r"decisions must be bool of shape \(1,\), but got int64 of \(2,\)"):
        detected(windows, np.zeros(2, int), ALONE)


def test_coverage_counts_each_second_once():
    recordings = (recording("a", duration_s=10.0), recording("empty", duration_s=10.0))
    windows = windows_of(recordings, text("a", "a", "a"), np.array([0.0, 1, 8]), 4.0)
    assert coverage(windows) == pytest.approx((5 + 2) / 20, abs=1e-12)
    assert coverage(windows_of(recordings, text(), np.zeros(0), 1.0)) == 0
    assert np.isnan(coverage(windows_of((), text(), np.zeros(0), 1.0)))


def test_scorers_are_timescorings_and_can_be_written_down():
    assert EventScoring.Parameters(**PARAMETERS["szcore"]).__dict__ == EventScoring.Parameters().__dict__
    assert (
        EventScoring.Parameters(**PARAMETERS["ovlp"]).__dict__
        == EventScoring.Parameters(0, 0, 0, 1e9, 0).__dict__
    )
    written = json.loads(json.dumps(scorer_parameters("ovlp")))
    assert written["scorer"] == "ovlp"
    assert written["timescoring"].startswith("0.0.")
    assert written["maxEventDuration"] == 1e9


SEIZURES = ((100.0, 160.0), (1000.0, 1020.0))


@pytest.mark.parametrize("scorer", ["szcore", "ovlp"])
@pytest.mark.parametrize("seizures", [(), SEIZURES], ids=["no seizures", "seizures"])
@pytest.mark.parametrize("events", [(), ((90.0, 101.0), (300.0, 310.0), (2000.0, 2900.0))], ids=["off", "on"])
def test_metrics_of_one_recording_are_timescorings_own(scorer, seizures, events):
    one = recording(duration_s=3600.04, seizures=seizures)
    own = event_reference.scored(3600.04, seizures, events, scorer)
    metrics = event_metrics(score_events([one], [events], scorer))
    names = ("event_sensitivity", "event_precision", "event_f1", "fa_per_day")
    for name, value in zip(names, (own.sensitivity, own.precision, own.f1, own.fpRate), strict=True):
        assert metrics[name] == pytest.approx(value, rel=1e-12, nan_ok=True)
    assert np.isnan(metrics["event_sensitivity"]) == (not seizures)
    assert np.isnan(metrics["event_precision"]) == (not events)
    assert np.isnan(metrics["event_f1"]) == (not seizures and not events)


def test_metrics_are_ratios_of_sums():
    counts = EventCounts(np.array([1, 0]), np.array([0, 6]), np.array([1, 3]), np.array([3600.0, 82800.0]))
    assert event_metrics(counts) == {
        "event_sensitivity": 0.25,
        "event_precision": 1 / 7,
        "event_f1": 2 / 11,
        "fa_per_day": 6.0,
    }
    assert EVENT_METRICS["event_sensitivity"](counts).tolist() == [1, 0]
    none = EventCounts(*(np.zeros(0, np.int64),) * 3, np.zeros(0))
    assert all(np.isnan(value) for value in event_metrics(none).values())


def test_counts_are_summed_by_group_over_leading_axes():
    recordings = [recording("x", "b"), recording("y", "a"), recording("z", "b")]
    tp = np.array([[1, 2], [3, 4], [5, 6]])
    counts = EventCounts(tp, tp * 10, np.broadcast_to(tp[:, :1], (3, 2)), np.ones((3, 2)))
    groups, sums = summed_by_group(counts, [one.group for one in recordings])
    assert groups == ("a", "b")
    assert sums.tp.tolist() == [[3, 4], [6, 8]]
    assert sums.ref.tolist() == [[3, 3], [6, 6]]
    assert sums.seconds.tolist() == [[1, 1], [2, 2]]
    assert EVENT_METRICS["event_precision"](sums) == pytest.approx(np.full((2, 2), 1 / 11))


def test_a_patient_is_told_by_all_recordings_together():
    recordings = [
        recording("1", "found", 3600.0, SEIZURES),
        recording("2", "found", 7200.0, ((500.0, 560.0), (3000.0, 3050.0))),
        recording("3", "missed", 1800.0, ((100.0, 150.0),)),
        recording("4", "healthy", 1800.0),
    ]
    events = [((110.0, 130.0),), ((490.0, 500.0), (505.0, 600.0), (3004.0, 3010.0), (6000.0, 6010.0)), (), ()]
    patients = per_patient(recordings, events, score_events(recordings, events, "ovlp"))
    found, healthy, missed = patients
    # 110 - 100, 505 - 500 (the one before only touches) and 3004 - 3000; the seizure at 1000 s is not found.
    assert found == Patient("found", 3.0, 4, 0.75, 2 / (3 / 24), 5.0)
    assert healthy == Patient("healthy", 0.5, 0, None, 0.0, None)
    assert missed == Patient("missed", 0.5, 1, 0.0, 0.0, None)
    early = per_patient(
        recordings[:1], [((50.0, 2000.0),)], score_events(recordings[:1], [((50.0, 2000.0),)], "ovlp")
    )
    assert early[0].delay_s == 0.0


def test_a_timeline_is_read_off_the_windows():
    names = text(*"bbbbb", *"aaaa")
    times = np.array([10.3, 10.4, 10.5, 10.6, 10.7, 2.5, 2.0, 3.0, 3.5])
    y = np.array([1, 1, 0, 0, 1, 1, 0, 0, 0], np.int8)
    recordings, since = timeline_of(names, np.char.add("p_", names), times, y, 0.5)
    assert since.tolist() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0, 1, 1.5]
    assert [astuple(recording) for recording in recordings] == [
        ("a", "p_a", 2.0, ((0.5, 1.0),), (), ()),
        ("b", "p_b", 0.9, ((0.0, 0.9),), (), ()),
    ]
    windows = windows_of(recordings, names, since, 0.5)
    assert detected(windows, y == 1, ALONE) == (((0.5, 1.0),), ((0.0, 0.9),))


def rows_of(starts, **fields) -> Rows:
    """Negative rows of one second of the recording r, at these times."""
    n = len(starts)
    fields = {"recordings": np.full(n, "r"), "times": np.array(starts, float), "window_s": 1.0} | fields
    return Rows(x=np.zeros((n, 1), np.float32), y=np.zeros(n, np.int8), labels=Labels(0, 1), **fields)


def test_a_timeline_needs_nine_tenths_of_the_time():
    rows = rows_of([0, 1, 2, 3, 4, 5, 6, 7, 9.0])
    found = find_timeline(rows, np.arange(9))
    assert found.recordings == (recording("r", "r", 10.0),)
    assert found.told == "event scores: recordings 1, hours 0.002778, seizures by labels 0"
    found = find_timeline(rows_of([0, 1, 2, 3, 4, 5, 6, 7, 9.1]), np.arange(9))
    assert found.recordings is None
    assert found.told == (
        "event scores: none, since windows cover 89.11% of their recordings and not 90%: false alarms cannot "
        "fall where no window is (times are seconds, and a window lasts 1 s)"
    )


def test_recordings_that_are_shorter_than_a_step_of_the_scorer_have_no_event_scores():
    short = rows_of([0, 0.02], window_s=0.02)
    found = find_timeline(short, np.arange(2))
    assert found.recordings is None
    assert found.told == ("event scores: none, since r lasts 0.04 s, and they are counted in steps of 0.1 s")
    assert find_timeline(rows_of([0, 0.04], window_s=0.04), np.arange(2)).recordings is not None


@pytest.mark.parametrize(
    ("unknown", "lacking"),
    [
        (["recordings"], "recordings"),
        (["times"], "times"),
        (["window_s"], "window_s"),
        (["recordings", "times", "window_s"], "recordings, no times, no window_s"),
    ],
)
def test_what_is_unknown_is_said_where_there_can_be_no_event_scores(unknown, lacking):
    rows = rows_of([0, 1, 2], **dict.fromkeys(unknown))
    found = find_timeline(rows, np.arange(3))
    assert found.recordings is None
    assert found.told == f"event scores: none, since the data name no {lacking}"


def test_a_recording_of_two_groups_is_refused():
    with pytest.raises(RunError, match="of one group, but 'r' has rows of 'q' and 'p'"):
        timeline_of(text("r", "r"), text("p", "q"), np.array([0.0, 1]), np.zeros(2, np.int8), 1.0)
