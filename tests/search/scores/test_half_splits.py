"""Both halves of every split hold every part, and share the units as evenly as these allow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.scores.half_splits import draw_halves_of
from spaces.errors import RunError

NAMES = ("class 'a'", "class 'b'", "class 'c'")


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 7)), min_size=6, max_size=60),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=150)
def test_halves_keep_their_promises(rows, seed):
    y, group = (np.array(column) for column in zip(*rows, strict=True))
    holds = y[:, None] == np.arange(3)
    units = [set(group[y == k].tolist()) for k in range(3)]
    if min(map(len, units)) < 2:
        with pytest.raises(RunError, match="validation needs every class or label in two groups") as stopped:
            draw_halves_of(holds, NAMES, group, None, seed)
        assert stopped.value.exit_code == 2
        return
    try:
        halves = draw_halves_of(holds, NAMES, group, None, seed)
    except RunError:
        with pytest.raises(RunError, match="but got groups that cannot be dealt so"):
            draw_halves_of(holds, NAMES, group, None, seed)
        return
    assert halves.by == "group"
    assert halves.mask.shape == (y.size, 10)
    for first in halves.mask.T:
        assert not set(group[first].tolist()) & set(group[~first].tolist())
        for k in range(3):
            assert (y[first] == k).any()
            assert (y[~first] == k).any()
    assert (halves.mask == draw_halves_of(holds, NAMES, group, None, seed).mask).all()


def test_what_every_deal_would_tear_apart_is_refused():
    """Three parts, each in two of three groups: two groups come together, with a part of nobody else."""
    y = np.array([0, 1, 0, 2, 1, 2])
    with pytest.raises(RunError, match="but got groups that cannot be dealt so; use more groups"):
        draw_halves_of(y[:, None] == np.arange(3), NAMES, np.array([0, 0, 1, 1, 2, 2]), None, 0)


def test_a_class_of_one_patient_is_named_and_recordings_are_dealt_instead():
    y = np.array([0, 1, 0, 1, 2, 2, 0, 1])
    group, recording = np.array([0, 0, 1, 1, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 2, 3, 4, 4])
    holds = y[:, None] == np.arange(3)
    with pytest.raises(RunError, match="but got class 'c' in 1 groups; use more groups or a larger"):
        draw_halves_of(holds, NAMES, group, None, 0)
    halves = draw_halves_of(holds, NAMES, group, recording, 0)
    assert halves.by == "recording"


def test_rows_are_shared_evenly_where_there_are_no_groups():
    rng = np.random.default_rng(0)
    y = rng.choice(5, 1001, p=[0.6, 0.2, 0.1, 0.09, 0.01])
    halves = draw_halves_of(y[:, None] == np.arange(5), ["x"] * 5, None, None, 3)
    assert halves.by == "row"
    for first in halves.mask.T:
        for k in range(5):
            assert abs(int((y[first] == k).sum()) - int((y[~first] == k).sum())) <= 1
    one_part = draw_halves_of(np.ones((11, 1), bool), ["a row"], np.arange(11) // 2, None, 0)
    assert {int(first.sum()) for first in one_part.mask.T} <= {5, 6}


def test_every_label_is_there_and_missing_in_both_halves():
    rng = np.random.default_rng(1)
    y = rng.random((400, 6)) < np.geomspace(0.02, 0.4, 6)
    group = np.arange(400) // 10
    halves = draw_halves_of(np.hstack([y, ~y]), ["x"] * 12, group, None, 0)
    for first in halves.mask.T:
        for half in (first, ~first):
            assert y[half].any(axis=0).all()
            assert (~y[half]).any(axis=0).all()
