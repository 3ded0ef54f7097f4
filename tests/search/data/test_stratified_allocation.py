"""Splits of K classes, of labels and of numbers: whole groups, every class in every part, or said before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data import store
from search.data.plan import at_once
from search.data.rows import Rows
from search.data.splits import split
from search.data.task_labels import Classes, LabelNames, Quantity
from spaces.data import Split as SplitConfig
from spaces.errors import RunError
from tests.helpers.split_rows import parts_of

CLASSES = Classes(("a", "b", "c", "d"))
NAMES = LabelNames(("x", "y", "z"))


def rows_with(y, labels, groups=None, **fields):
    x = np.random.default_rng(0).normal(size=(len(y), 9)).astype(np.float32)
    named = None if groups is None else np.array([f"g{g}" for g in groups])
    return Rows(x=x, y=y, labels=labels, groups=named, **fields)


def drawn(kind, groups, rng):
    n = groups * 20
    y = {
        "classes": lambda: rng.choice(4, n, p=[0.6, 0.2, 0.15, 0.05]).astype(np.int16),
        "labels": lambda: (rng.random((n, 3)) < [0.05, 0.3, 0.6]).astype(np.int8),
        "number": lambda: rng.normal(size=n),
    }[kind]()
    return rows_with(y, {"classes": CLASSES, "labels": NAMES, "number": Quantity("y")}[kind],
                     np.repeat(np.arange(groups), 20))  # fmt: skip


@pytest.mark.parametrize("kind", ["classes", "labels", "number"])
@settings(deadline=None, max_examples=25)
@given(groups=st.integers(12, 60), seed=st.integers(0, 99))
def test_every_part_has_every_class_and_whole_groups(kind, groups, seed):
    rows = drawn(kind, groups, np.random.default_rng(seed))
    made = split(rows, SplitConfig(seed=seed))
    parts = parts_of(made)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(rows)))
    seen = [set(rows.groups[part]) for part in parts]
    assert sum(map(len, seen)) == groups
    has, _ = rows.labels.strata(rows.y)
    for part, fraction in zip(parts, (0.6, 0.2, 0.2), strict=True):
        assert has[part].any(axis=0).all()
        assert abs(len(part) / len(rows) - fraction) < 1 / groups + 0.1
    again = split(rows, SplitConfig(seed=seed))
    assert all((one == other).all() for one, other in zip(parts, parts_of(again), strict=True))


def test_a_class_that_lives_in_one_group_is_said_before_training():
    y = np.tile(np.arange(3, dtype=np.int16), 40)
    groups = np.repeat(np.arange(12), 10)
    y[groups == 7] = 3
    with pytest.raises(RunError) as caught:
        split(rows_with(y, CLASSES, groups), SplitConfig())
    assert str(caught.value) == (
        "each of train, validation and test needs rows of every class and label from groups of its own, but "
        "of 12 groups class 'd' lives in 1 group; add data, merge classes, or leave them out"
    )


def test_a_label_that_never_applies_is_said():
    y = np.zeros((120, 3), np.int8)
    y[::2, 1] = 1
    y[::3, 2] = 1
    with pytest.raises(RunError, match=r"must be in some row, but none has label 'x'; leave them out"):
        split(rows_with(y, NAMES, np.repeat(np.arange(12), 10)), SplitConfig())


def test_parts_that_the_data_name_are_held_to_it():
    y = np.tile(np.arange(4, dtype=np.int16), 30)
    parts = np.repeat(["train", "validation", "test"], 40)
    made = split(rows_with(y, CLASSES, parts=parts), SplitConfig(by="column"))
    assert [len(part) for part in parts_of(made)] == [40, 40, 40]
    y = np.where((parts == "test") & (y == 2), 1, y).astype(np.int16)
    with pytest.raises(RunError, match=r"every class and label, but test has none of class 'c'"):
        split(rows_with(y, CLASSES, parts=parts), SplitConfig(by="column"))


def test_rare_classes_are_found_a_place():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(30), 10)
    y = np.zeros(300, np.int16)
    for code in (1, 2, 3):
        y[np.isin(groups, rng.choice(30, 3, replace=False)) & (rng.random(300) < 0.3)] = code
    has = [len(set(groups[y == code])) for code in range(4)]
    if min(has) >= 3:
        made = split(rows_with(y, CLASSES, groups), SplitConfig())
        assert all(set(y[part]) == {0, 1, 2, 3} for part in parts_of(made))


@pytest.mark.parametrize("kind", ["classes", "labels", "number"])
def test_labels_are_stored_and_mapped_as_they_are(tmp_path, kind):
    rows = drawn(kind, 12, np.random.default_rng(0))
    plan = at_once(lambda *_: rows, None, tmp_path, fingerprint="same")
    written = store.prepare(plan, "key", tmp_path)
    opened = store.prepare(plan, "key", tmp_path)
    assert opened.reused
    for found in (written.rows, opened.rows):
        assert found.labels == rows.labels
        assert found.y.dtype == rows.y.dtype
        np.testing.assert_array_equal(found.y, rows.y)
    other = drawn(kind, 12, np.random.default_rng(0))
    other.y[[0, 1]] = other.y[[1, 0]]
    changed = not np.array_equal(other.y, rows.y)
    again = store.prepare(at_once(lambda *_: other, None, tmp_path, fingerprint="x"), "other", tmp_path)
    assert (again.digest != written.digest) == changed
