"""Seizures that no window is labelled with are named."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.rows import Recording
from search.data.sources.eeg.annotations import seizure_share, tidy
from search.events.unlabelled_seizures import Unmarked, unmarked
from tests.helpers.stored import some_rows


def rows_of(recordings, step_s=1.0, window_s=1.0, min_overlap=0.5):
    starts = [np.arange(0, r.duration_s - window_s + 1e-9, step_s) for r in recordings]
    share = [seizure_share(t, window_s, r.seizures) for t, r in zip(starts, recordings, strict=True)]
    names = [np.full(len(t), r.name) for t, r in zip(starts, recordings, strict=True)]
    n = sum(map(len, starts))
    return some_rows(
        x=np.zeros((n, 6), np.float32),
        y=(np.concatenate(share) >= min_overlap).astype(np.int8),
        groups=np.full(n, "p"),
        recordings=np.concatenate(names),
        times=np.concatenate(starts),
        parts=None,
        window_s=window_s,
        timeline=tuple(recordings),
    )


def test_short_ones_straddling_ones_and_those_after_the_last_window():
    recordings = (
        Recording("a", "p", 10.0, ((2.0, 2.4), (4.7, 5.2), (7.0, 7.5))),
        Recording("b", "p", 5.4, ((5.0, 5.4),)),
        Recording("c", "p", 5.0, ((1.0, 4.0),)),
    )
    found = unmarked(rows_of(recordings))
    assert [(f.recording, f.start_s, round(f.length_s, 9)) for f in found] == [
        ("a", 2.0, 0.4),
        ("a", 4.7, 0.5),
        ("b", 5.0, 0.4),
    ]
    assert str(Unmarked("a", 2.0, 0.4)) == "a at 2 s for 0.4 s"
    assert unmarked(rows_of(recordings, step_s=0.1, min_overlap=0.2)) == ()


def test_seizures_that_share_a_window_are_marked_together():
    assert unmarked(rows_of([Recording("a", "p", 10.0, ((2.0, 2.3), (2.5, 2.8)))])) == ()


def test_none_where_nothing_is_known_of_seizures():
    assert unmarked(some_rows(timeline=None)) == ()
    assert unmarked(some_rows(times=None)) == ()


tenths = st.integers(0, 120).map(lambda n: n / 10)


@settings(deadline=None)
@given(
    st.lists(st.tuples(tenths, tenths), max_size=6),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.sampled_from([0.3, 0.5, 1.0]),
)
def test_equals_the_slow_rule(intervals, step_s, min_overlap):
    seizures, _ = tidy(intervals, 12.0, mend=True)
    rows = rows_of([Recording("a", "p", 12.0, seizures)], step_s, 1.0, min_overlap)
    positive = rows.times[rows.y == 1]
    slow = [s for s, e in seizures if not any(t < e - 1e-9 and t + 1 > s + 1e-9 for t in positive)]
    assert [found.start_s for found in unmarked(rows)] == slow
