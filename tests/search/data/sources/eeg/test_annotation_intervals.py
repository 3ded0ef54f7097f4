"""Seizures are made to lie within the signal, ascending and disjoint, and are laid over windows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.sources.eeg.annotations import END_TOLERANCE_S, seizure_share, tidy
from spaces.errors import RunError


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ([(-1, 5)], "a seizure must start at 0 s or later, but one is negative: -1 to 5 s"),
        ([(5, 5)], "a seizure must end after it starts, but one is of negative or no length: 5 to 5 s"),
        ([(9, 4)], "but one is of negative or no length: 9 to 4 s"),
        ([(5, 11.5)], "a seizure must end within the signal of 10 s, but one is at 5 to 11.5 s"),
        ([(417, 532)], "a seizure must end within the signal of 10 s, but one is at 417 to 532 s"),
        ([(10, 10.5)], "a seizure must start within the signal of 10 s, but one is at 10 to 10.5 s"),
        ([(4, 6), (1, 5)], "seizures must not overlap, but one ends at 5 s and one is at 4 to 6 s"),
        ([(1, 5), (1, 5)], "seizures must not overlap"),
    ],
)
def test_bad_intervals_are_refused(intervals, message):
    with pytest.raises(RunError) as error:
        tidy(intervals, 10.0, mend=False)
    assert message in str(error.value)


def test_good_intervals_are_sorted_and_cut_within_the_tolerance():
    assert tidy([], 10.0, mend=False) == ((), ())
    assert tidy([(6, 11), (1, 2)], 10.0, mend=False) == (((1.0, 2.0), (6.0, 10.0)), ())
    assert tidy([(6, 11), (1, 2)], 10.0, mend=True) == (((1.0, 2.0), (6.0, 10.0)), ())


def test_intervals_that_touch_are_one():
    for mend in (False, True):
        assert tidy([(1, 2), (2, 3)], 10.0, mend) == (((1, 3),), ())
        assert tidy([(0.3, 1), (0.1, 0.1 + 0.2)], 10.0, mend) == (((0.1, 1),), ())  # 0.1 + 0.2 > 0.3


def test_mending_says_what_it_did():
    assert tidy([(417, 532), (600, 700)], 2.0, mend=True) == (
        (),
        ("2 seizures past the end of the signal dropped",),
    )
    bad = [(-9, -1), (-2, 1), (0.5, 3), (5, 4), (2, 6), (8, 20), (10.2, 10.8)]
    seizures, notes = tidy(bad, 10.0, mend=True)
    assert seizures == ((0.0, 6.0), (8.0, 10.0))
    assert notes == (
        "1 seizure of negative or no length dropped",
        "1 seizure before the start of the signal dropped",
        "1 seizure past the end of the signal dropped",
        "2 seizures cut to the signal",
        "2 seizures merged with one that it overlaps",
    )


quarters = st.integers(-20, 60).map(lambda n: n / 4)
interval_lists = st.lists(st.tuples(quarters, quarters), max_size=8)
durations = st.integers(1, 48).map(lambda n: n / 4)


def covered(intervals, t: float) -> bool:
    return any(start <= t < end for start, end in intervals)


@settings(deadline=None)
@given(interval_lists, durations)
def test_mended_seizures_are_the_union_within_the_signal(intervals, duration_s):
    seizures, notes = tidy(intervals, duration_s, mend=True)
    edges = [t for seizure in seizures for t in seizure]
    assert all(a < b for a, b in pairwise(edges))
    assert all(0 <= t <= duration_s for t in edges)
    for t in np.arange(-5, 16, 0.25) + 0.125:
        assert covered(seizures, t) == (covered(intervals, t) and 0 <= t < duration_s)
    assert tidy(seizures, duration_s, mend=True) == (seizures, ())
    assert tidy(seizures, duration_s, mend=False) == (seizures, ())
    assert all(note and "\n" not in note for note in notes)


@settings(deadline=None)
@given(interval_lists, durations)
def test_what_is_not_refused_needs_no_mending(intervals, duration_s):
    mended, notes = tidy(intervals, duration_s, mend=True)
    try:
        kept, none = tidy(intervals, duration_s, mend=False)
    except RunError:
        assert notes or any(duration_s <= a < b <= duration_s + END_TOLERANCE_S for a, b in intervals)
    else:
        assert (kept, none, notes) == (mended, (), ())


def slow_share(starts_s, window_s, seizures):
    lengths = [sum(max(0.0, min(t + window_s, e) - max(t, s)) for s, e in seizures) for t in starts_s]
    return np.array(lengths) / window_s


@settings(deadline=None)
@given(interval_lists, st.lists(st.floats(-5, 20), max_size=10), st.floats(0.1, 30))
def test_share_of_windows_equals_the_slow_sum(intervals, starts, window_s):
    seizures, _ = tidy(intervals, 12.0, mend=True)
    starts_s = np.array(starts, dtype=np.float64)
    share = seizure_share(starts_s, window_s, seizures)
    assert share.dtype == np.float64
    assert share.shape == starts_s.shape
    np.testing.assert_allclose(share, slow_share(starts_s, window_s, seizures), rtol=0, atol=1e-9)
    assert ((share >= 0) & (share <= 1)).all()


def test_half_a_window_is_half_at_any_time():
    starts_s = np.arange(0, 86400, 1 / 3)[::4]
    seizures = [(t + 0.5, t + 1.1) for t in starts_s]
    assert (seizure_share(starts_s, 1.0, seizures) == 0.5).all()


def test_share_of_a_day_of_windows():
    starts_s = np.arange(24 * 3600 * 4) / 4
    seizures = tuple((t, t + 30.0) for t in range(0, 86000, 600))
    assert seizure_share(starts_s, 1.0, seizures).sum() == pytest.approx(4 * 30 * len(seizures), rel=1e-3)
